// HTTP over libcurl, whose names appear in http*.cc alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/status.h"
#include "os/clock.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

struct HttpConfig {
  size_t connections = 64;          // at a time; further requests wait for one
  size_t chunk_bytes = 512 * kKiB;  // a transfer holds two of them, and curl two of its own
  Duration connect_timeout = std::chrono::seconds(5);
  Duration stall_timeout = std::chrono::seconds(30);  // nothing moved for so long: broken
  Duration idle_timeout = std::chrono::seconds(5);    // a connection unused for longer is not used again
  size_t header_bytes = 64 * kKiB;                    // of a response
  size_t text_bytes = 8 * kMiB;                       // of a response that does not go to a sink: errors, listings
  bool verify_tls = true;
  std::string ca_file;  // empty: the system's
  std::string proxy;    // empty: none, whatever the environment says
};

struct HttpRequest {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  BodySource* body = nullptr;  // or
  std::string text;
  bool sends_body = false;   // text or body goes out, with its length; an empty one too
  BodySink* sink = nullptr;  // takes the body of a 200 or 206; everything else is kept as text
  // Not sent again after it may have arrived: ends as kBroken, with may_have_arrived, where curl would do that. It does when a
  // connection that was used before breaks without an answer.
  bool once = false;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string text;
  const std::string& header(const std::string& name) const;  // empty if missing
};

// How a request without a response ended.
enum class HttpTrouble : uint8_t { kNone, kNotConnected, kBroken, kTimedOut, kTls, kTooLarge, kTruncated, kCancelled, kBody };
struct HttpOutcome {
  HttpResponse response;  // with kNone; with kTruncated what there is of it
  HttpTrouble trouble = HttpTrouble::kNone;
  std::string message;               // for people; no header, no query
  std::optional<Status> body_error;  // kBody: what source, sink or `accept` answered
  bool may_have_arrived = false;     // the whole request went out: the server may have acted on it
  uint64_t delivered = 0;            // bytes that the sink took
};

// One connection pool with a thread of its own, which moves bytes between sockets and chunks; sources and sinks are called on the
// caller's executor. Real sockets and real time: never part of a simulation. stop() ends all requests with kCancelled; the
// destructor calls it. Any executor. Memory: connections × 4 × chunk_bytes.
class HttpClient {
 public:
  explicit HttpClient(HttpConfig config);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `accept` sees status and headers before the sink gets its first byte, on the caller's executor; an error ends the transfer.
  // `within`: the time left; at most a day.
  using Accept = std::function<Result<void>(const HttpResponse&)>;
  Task<HttpOutcome> send(HttpRequest request, Accept accept, Duration within, std::stop_token stop);
  void stop();

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;  // shared with its thread
};

}  // namespace forebay::ufs
