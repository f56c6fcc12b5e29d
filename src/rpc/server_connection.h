// One client's connection, on the server.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "rpc/byte_budget.h"
#include "rpc/frame_reader.h"
#include "rpc/frame_writer.h"
#include "rpc/server.h"

namespace forebay::rpc {

// What all connections of a server share; outlives them.
struct ServerShared {
  ServerShared(os::Env& e, const Router& r, ServerConfig c, ServerEvents* v)
      : env(e), router(r), config(c), events(v), budget(c.max_bytes) {}
  os::Env& env;
  const Router& router;
  const ServerConfig config;
  ServerEvents* const events;  // may be null
  ByteBudget budget;
  std::atomic<size_t> connections = 0;
};

// Reads requests, runs their handlers, many at a time, and writes the replies as they come. Owned by its shard and by its
// coroutines; everything happens on one single-threaded executor. Ends when the peer does, on a malformed frame, when a frame or
// a write is overdue, or when it is closed; calls that run then are told that they are abandoned. `on_end` is called once the
// last coroutine is through. Limits: ServerConfig; when one is reached the connection is not read.
class ServerConnection final : public std::enable_shared_from_this<ServerConnection>, private FrameWriter::Events {
 public:
  ServerConnection(std::shared_ptr<ServerShared> shared, async::Executor executor, std::unique_ptr<os::Connection> connection,
                   bool passes_descriptors, std::function<void()> on_end);
  void start();
  void drain();    // new calls are refused; closes when the last reply has been written
  void abandon();  // what still runs: nobody waits for it
  void close();
  void close_if_overdue(os::Instant now);
  os::Instant latest_deadline() const;  // of the running calls; the epoch when there are none

 private:
  struct Running {
    std::stop_source abandoned;
    os::Instant deadline;
    size_t reserved = 0;
  };
  static Task<void> serve(std::shared_ptr<ServerConnection> self);
  static Task<void> handle(std::shared_ptr<ServerConnection> self, const Router::Entry* entry, uint64_t id, Call call,
                           std::string message);
  static Task<Result<void>> take_request(ServerConnection* self);
  Result<void> take_cancellation();
  size_t cost(const Header& header, const Router::Entry* entry) const;
  void begin(const Header& header, const Router::Entry* entry, Call call, std::string message, size_t reserved);
  void finish(const Router::Entry* entry, uint64_t id, os::Instant began, TraceId trace, Result<Router::Reply> result);
  Result<Router::Reply> sendable(const Method& method, Result<Router::Reply> result) const;
  void send(uint16_t method, uint64_t id, Result<Router::Reply> result);
  void refuse(const Header& header, Error why);
  void end(const Status* why);

  bool has_room() const;
  Task<void> wait_for_room();
  void settle();

  void wrote(size_t bytes) override;
  void write_failed(const Status& why) override;
  void writer_ended() override { settle(); }

  std::shared_ptr<ServerShared> shared_;
  async::Executor executor_;
  std::unique_ptr<os::Connection> connection_;
  const bool passes_descriptors_;
  std::function<void()> on_end_;
  const std::string peer_;
  FrameReader reader_;
  FrameWriter writer_;
  std::unordered_map<uint64_t, Running> calls_;
  async::Waker room_;   // of the reader, while it waits for calls to end or replies to leave
  size_t charged_ = 0;  // unwritten reply bytes in the budget
  bool reading_ = true, draining_ = false, closed_ = false, flush_posted_ = false;
};

}  // namespace forebay::rpc
