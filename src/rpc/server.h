// Serving side of the protocol (docs/formats/frame.md).
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "forebay/v1/common.pb.h"
#include "os/env.h"
#include "rpc/method.h"
#include "rpc/payload.h"

namespace forebay::os {
class File;
}

namespace forebay::rpc {

// One request as a handler sees it.
struct Call {
  v1::RequestContext context;  // who, and which (session, sequence)
  os::Instant deadline;        // past it the caller no longer listens
  Payload payload;
  uint32_t payload_crc = 0;  // crc32c, checked
  std::string peer;
  bool peer_is_local = false;
  bool is_one_of_few = false;  // that this connection has at the moment: its thread may as well do the work itself
  std::stop_token abandoned;   // the caller gave up or is gone: the answer will be dropped
};

// A handler's success. A descriptor can only be sent over a Unix socket (the call fails with EOPNOTSUPP elsewhere);
// `descriptor_owner` keeps it open until the reply has been written.
template <class Message>
struct Answer {
  Answer(Message m) : message(std::move(m)) {}  // NOLINT(google-explicit-constructor): handlers return plain messages
  Answer(Message m, Payload p) : message(std::move(m)), payload(std::move(p)) {}
  Message message;
  Payload payload;
  int descriptor = -1;
  std::shared_ptr<os::File> descriptor_owner;
};

// Tells one sink about every call; implemented by each role's metrics. Any executor of the server.
class ServerEvents {
 public:
  virtual ~ServerEvents() = default;
  virtual void call_finished(const Method& method, Duration took, const Status* error, TraceId trace) = 0;
  virtual void connections_changed(int delta) = 0;
  virtual void connection_refused() {}  // max_connections are open
  virtual void connection_failed(const std::string& /*peer*/, const Status& /*why*/) {
  }  // malformed frame, timeout, not an orderly end
};

// Method number → handler. Filled once, before the server starts; read-only afterwards.
class Router {
 public:
  template <class M>
  using Handler = std::function<Task<Result<Answer<typename M::Reply>>>(Call, typename M::Request)>;

  // One handler for each method; a second one is a broken invariant. Handlers run on the connection's executor, many at a time.
  template <class M>
  void handle(Handler<M> handler);

  struct Reply {  // what goes out, message already serialised
    std::string message;
    Payload payload;
    int descriptor = -1;
    std::shared_ptr<os::File> descriptor_owner;
  };
  using Raw = std::function<Task<Result<Reply>>(Call, std::string message)>;
  struct Entry {
    Method method;
    Raw invoke;
  };
  // For a driver that parses and serialises by itself.
  void handle_raw(const Method& method, Raw raw) { add(method, std::move(raw)); }
  const Entry* find(uint16_t number) const;

 private:
  void add(const Method& method, Raw raw);
  static Error malformed(const Method& method);
  std::unordered_map<uint16_t, Entry> entries_;
};

// Memory: an idle connection takes about 9 KiB; what requests and replies may take together is max_bytes, whatever the
// connections.
struct ServerConfig {
  // More are accepted and closed at once. To be told so, they need a descriptor: the process has to have more than these.
  size_t max_connections = 12'000;
  size_t max_calls_per_connection =
      128;  // running or with a reply not yet written; then the connection is not read until one ends
  size_t max_message_bytes = 4 << 20;
  size_t max_unwritten_bytes = 4 << 20;  // replies of one connection; beyond that it is not read until the peer has taken some
  size_t max_bytes = size_t{1} << 30;    // of all requests and replies in the server; then connections wait their turn
  // A frame that began must end within it, and a peer must take a write (at most 2 MiB) within it; checked every quarter of it.
  Duration frame_timeout = std::chrono::seconds(30);
  Duration drain_timeout = std::chrono::seconds(1);  // stop() waits as long for replies to be taken, after the last call ended
};

// Listens on any number of addresses, hands connections to `executors` in turn (each of them single-threaded: a connection's
// coroutines need no locks between them; one that listens also accepts). Owned by the role; Env, router and events outlive it. A
// malformed frame closes that connection and nothing else. stop() refuses new calls with `elsewhere`, lets running ones finish
// until their deadline, then tells them that they are abandoned, closes, and returns when the last handler has.
class Server {
 public:
  Server(os::Env& env, const Router& router, ServerConfig config, std::vector<async::Executor> executors,
         ServerEvents* events /* or null */);
  ~Server();  // stop() first
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Result<os::Address> listen(const os::Address& at);  // the address with its real port
  Task<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the coroutines of its connections
};

// ---- implementation of the template ----

template <class M>
void Router::handle(Handler<M> handler) {
  struct Invoke {
    Handler<M> handler;
    static Task<Result<Reply>> run(Handler<M> handler, Call call, std::string message) {
      typename M::Request request;
      if (!request.ParseFromString(message)) co_return malformed(M::kMethod);
      Task<Result<Answer<typename M::Reply>>> running = handler(std::move(call), std::move(request));
      Result<Answer<typename M::Reply>> answer = co_await std::move(running);
      if (!answer) co_return std::unexpected(std::move(answer).error());
      Reply reply;
      answer->message.SerializeToString(&reply.message);
      reply.payload = std::move(answer->payload);
      reply.descriptor = answer->descriptor;
      reply.descriptor_owner = std::move(answer->descriptor_owner);
      co_return reply;
    }
    Task<Result<Reply>> operator()(Call call, std::string message) const {
      return run(handler, std::move(call), std::move(message));
    }
  };
  add(M::kMethod, Invoke{std::move(handler)});
}

}  // namespace forebay::rpc
