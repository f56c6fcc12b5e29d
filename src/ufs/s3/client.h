// Signed requests to one bucket.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "obs/log.h"
#include "os/env.h"
#include "ufs/s3/breaker.h"
#include "ufs/s3/credentials.h"
#include "ufs/s3/http.h"
#include "ufs/s3/sigv4.h"
#include "ufs/s3/xml.h"

namespace forebay::ufs {

enum class Addressing : uint8_t { kAuto /* path with an endpoint, virtual host without */, kPath, kVirtualHost };
enum class PayloadSigning : uint8_t { kAuto /* plain HTTP only */, kAlways, kNever };

struct S3ClientConfig {
  std::string bucket;
  std::string endpoint;  // "http://host:port"; empty: https://s3.REGION.amazonaws.com
  std::string region = "us-east-1";
  Addressing addressing = Addressing::kAuto;
  PayloadSigning payload = PayloadSigning::kAuto;
  HttpConfig http;
  CredentialsConfig credentials;
  CircuitBreaker::Config breaker;
  int read_attempts = 4;  // of requests that change nothing
  Duration first_pause = std::chrono::milliseconds(50), most_pause = std::chrono::seconds(2);
  Duration patience = std::chrono::minutes(10);  // where the caller names no deadline
};

struct S3Request {
  std::string method;
  std::string key;  // full; empty: the bucket
  NamedValues query;
  NamedValues headers;  // lower-case names
  BodySource* body = nullptr;
  std::string text;
  bool sends_body = false;
  BodySink* sink = nullptr;
  HttpClient::Accept accept;
  bool writes = false;  // changes something: never sent again after it may have arrived
  std::string doing;    // "put 'a/b'": in front of errors
};

// Sends, and has an answer understood: the caller gets 2xx (and 304, 416, and 404 to a HEAD, as they are), or the Status that
// response_status.h says.
// Behind its back are handled: a clock that is wrong (the store's Date is believed), a bucket in another region, credentials that
// have expired: in each case the store did nothing, and the request is signed anew and sent once more. Requests that change
// nothing are repeated a few times with jittered pauses, unless the sink has taken bytes. `env` and `log` outlive it. Any
// executor.
class S3Client {
 public:
  S3Client(os::Env& env, S3ClientConfig config, Environment environment, obs::Log& log);
  Task<Result<HttpResponse>> send(S3Request request, Call call);
  const S3ClientConfig& config() const { return config_; }
  std::string region() const;

 private:
  struct Attempt {
    Result<HttpResponse> result;
    uint64_t delivered = 0;
    bool again_at_once = false;  // something was set right, and nothing was done
    bool is_doubtful = false;    // may be somebody else's answer: says nothing of the store
  };
  Task<Attempt> attempt(S3Request request, std::string payload_hash, Call call);
  Task<Result<std::string>> payload_hash(S3Request request, Call call);
  std::string host_of(const std::string& region) const;
  std::string path_of(const std::string& key) const;
  bool is_virtual_host() const;
  bool set_right(const HttpResponse& response, const S3Error& error, const Credentials& used);
  void tell_breaker(const Attempt& attempt);
  Duration pause(int attempt);

  os::Env& env_;
  const S3ClientConfig config_;
  obs::Log& log_;
  std::string scheme_, authority_;  // of the endpoint
  HttpClient http_;
  CredentialsChain credentials_;
  CircuitBreaker breaker_;
  std::atomic<int64_t> clock_offset_ns_ = 0;  // the store's clock minus ours
  mutable std::mutex mutex_;
  std::string region_;
};

}  // namespace forebay::ufs
