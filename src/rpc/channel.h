// Calling side of the protocol.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
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
  size_t max_outstanding = 1024;         // at most 65,536; more callers wait, first come, first served, until their deadline
  size_t max_waiting = 65'536;           // more callers than this are refused with `busy`
  size_t max_unwritten_bytes = 4 << 20;  // while the connection has not taken this much, calls wait as above
  Duration connect_timeout = std::chrono::seconds(2);
  // After a failed connect, or a connection that was lost before its first reply; doubled each time up to 2 s. Calls meanwhile
  // fail fast.
  Duration reconnect_pause = std::chrono::milliseconds(100);
  // A connection on which nothing has arrived for this long while a call ran into its deadline is given up.
  Duration silence_limit = std::chrono::seconds(5);
  size_t max_message_bytes = 4 << 20;
};

struct CallOptions {
  v1::RequestContext context;
  std::optional<Duration> timeout;  // default: the method's
  Bytes payload;                    // stays valid until the call returns
  std::stop_token stop;             // ends the call with `cancelled`, and tells the server to give it up
};

template <class Message>
struct Received {
  Message message;
  Payload payload;
  uint32_t payload_crc = 0;      // crc32c, checked
  std::vector<int> descriptors;  // the caller owns them
};

// A reply before its message is parsed.
struct RawReply {
  std::string message;
  Payload payload;
  uint32_t payload_crc = 0;
  std::vector<int> descriptors;
};

// A connection to one server, made on first use and made again when lost. All calls on one channel share it and are answered in
// any order. Any thread may call; the caller resumes on its own executor. Errors: what the server answered; `elsewhere` when
// nothing was sent (not connected); `busy` when nothing was sent because too many calls are ahead; `unknown` when the connection
// broke or the deadline passed after sending (the late reply is dropped). One attempt: retries are the caller's (rpc/retry.h).
class Channel {
 public:
  Channel(os::Env& env, os::Address to, ChannelConfig config, async::Executor executor /* single-threaded */);
  ~Channel();  // stop() first
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  template <class M>
  Task<Result<Received<typename M::Reply>>> call(typename M::Request request, CallOptions options = {}) {
    Task<Result<RawReply>> calling = call_raw(M::kMethod, request.SerializeAsString(), std::move(options));
    Result<RawReply> raw = co_await std::move(calling);
    if (!raw) co_return std::unexpected(std::move(raw).error());
    Received<typename M::Reply> received;
    if (!received.message.ParseFromString(raw->message)) co_return malformed_reply(M::kMethod);
    received.payload = std::move(raw->payload);
    received.payload_crc = raw->payload_crc;
    received.descriptors = std::move(raw->descriptors);
    co_return received;
  }
  const os::Address& address() const;
  Task<void> stop();  // pending calls end with `cancelled`

 private:
  Task<Result<RawReply>> call_raw(Method method, std::string message, CallOptions options);
  Error malformed_reply(const Method& method) const;
  struct State;
  std::shared_ptr<State> state_;  // shared with its reader and writer coroutines
};

}  // namespace forebay::rpc
