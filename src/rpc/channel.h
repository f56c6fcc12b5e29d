// Calling side of the protocol.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/bytes.h"
#include "forebay/v1/common.pb.h"
#include "os/env.h"
#include "rpc/method.h"
#include "rpc/payload.h"

namespace forebay::rpc {

struct ChannelConfig {
  size_t max_outstanding = 1024;  // more callers wait, first come, first served, until their deadline
  Duration connect_timeout = std::chrono::seconds(2);
  Duration reconnect_pause =
      std::chrono::milliseconds(100);  // after a failed connect, doubled up to 2 s; calls meanwhile fail fast
  size_t max_message_bytes = 4 << 20;
};

struct CallOptions {
  v1::RequestContext context;
  std::optional<Duration> timeout;  // default: the method's
  Bytes payload;                    // stays valid until the call returns
};

template <class Message>
struct Received {
  Message message;
  Payload payload;
  std::vector<int> descriptors;  // the caller owns them
};

// A connection to one server, made on first use and made again when lost. All calls on one channel share it and are answered in
// any order. Any thread may call; the caller resumes on its own executor. Errors: what the server answered; `elsewhere` when
// nothing was sent (not connected); `unknown` when the connection broke or the deadline passed after sending (the late reply is
// dropped). One attempt: retries are the caller's (rpc/retry.h).
class Channel {
 public:
  Channel(os::Env& env, os::Address to, ChannelConfig config, async::Executor executor /* single-threaded */);
  ~Channel();  // stop() first
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  template <class M>
  Task<Result<Received<typename M::Reply>>> call(typename M::Request request, CallOptions options = {}) {
    Result<Raw> raw = co_await call_raw(M::kMethod, request.SerializeAsString(), std::move(options));
    if (!raw) co_return std::unexpected(std::move(raw).error());
    Received<typename M::Reply> received;
    if (!received.message.ParseFromString(raw->message)) co_return malformed_reply(M::kMethod);
    received.payload = std::move(raw->payload);
    received.descriptors = std::move(raw->descriptors);
    co_return received;
  }
  const os::Address& address() const;
  Task<void> stop();  // pending calls end with `cancelled`

 private:
  struct Raw {
    std::string message;
    Payload payload;
    std::vector<int> descriptors;
  };
  Task<Result<Raw>> call_raw(const Method& method, std::string message, CallOptions options);
  Error malformed_reply(const Method& method) const;
  struct State;
  std::shared_ptr<State> state_;  // shared with its reader and writer coroutines
};

}  // namespace forebay::rpc
