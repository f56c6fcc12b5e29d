#include "rpc/server.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "rpc/server_connection.h"

namespace forebay::rpc {
namespace {

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // after an error such as "too many open files"

// The connections of one executor. Everything happens on it.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  Shard(std::shared_ptr<ServerShared> shared, async::Executor executor)
      : shared_(std::move(shared)), executor_(std::move(executor)) {}
  const async::Executor& executor() const { return executor_; }

  void adopt(std::unique_ptr<os::Connection> stream, bool passes_descriptors) {
    uint64_t serial = ++serials_;
    auto ended = [self = shared_from_this(), serial] { self->remove(serial); };
    auto connection = std::make_shared<ServerConnection>(shared_, executor_, std::move(stream), passes_descriptors, ended);
    connections_.emplace(serial, connection);
    if (shared_->events != nullptr) shared_->events->connections_changed(+1);
    connection->start();
    if (!std::exchange(sweeping_, true)) async::spawn_detached(executor_, sweep(shared_from_this()));
  }

  static Task<void> stop(std::shared_ptr<Shard> self) {
    self->stopping_ = true;
    os::Instant latest = self->shared_->env.clock.now();
    for (const auto& connection : self->all()) {
      latest = std::max(latest, connection->latest_deadline());
      connection->drain();
    }
    self->insisting_ = true;
    async::spawn_detached(self->executor_, insist(self, latest));
    self->end_if_idle();
    Task<void> waiting = self->idle_.wait();
    co_await std::move(waiting);
  }

 private:
  // Copies, because connections leave the map when they are closed.
  std::vector<std::shared_ptr<ServerConnection>> all() const {
    std::vector<std::shared_ptr<ServerConnection>> connections;
    connections.reserve(connections_.size());
    for (const auto& [serial, connection] : connections_) connections.push_back(connection);
    return connections;
  }

  void remove(uint64_t serial) {
    connections_.erase(serial);
    shared_->connections.fetch_sub(1);
    if (shared_->events != nullptr) shared_->events->connections_changed(-1);
    end_if_idle();
  }

  void end_if_idle() {
    if (!stopping_ || !connections_.empty()) return;
    stop_.request_stop();
    if (!sweeping_ && !insisting_) idle_.set();
  }

  // Closes what is stuck. Runs while there are connections.
  static Task<void> sweep(std::shared_ptr<Shard> self) {
    while (!self->stopping_ && !self->connections_.empty()) {
      Task<bool> sleeping = self->shared_->env.clock.sleep(self->shared_->config.frame_timeout / 4, self->stop_.get_token());
      co_await std::move(sleeping);
      os::Instant now = self->shared_->env.clock.now();
      for (const auto& connection : self->all()) connection->close_if_overdue(now);
    }
    self->sweeping_ = false;
    self->end_if_idle();
  }

  // At the last deadline nobody waits for a handler any more; a little later nobody will take its reply.
  static Task<void> insist(std::shared_ptr<Shard> self, os::Instant latest) {
    os::Clock& clock = self->shared_->env.clock;
    Task<bool> running = clock.sleep_until(latest, self->stop_.get_token());
    co_await std::move(running);
    for (const auto& connection : self->all()) connection->abandon();
    Task<bool> draining = clock.sleep(self->shared_->config.drain_timeout, self->stop_.get_token());
    co_await std::move(draining);
    for (const auto& connection : self->all()) connection->close();
    self->insisting_ = false;
    self->end_if_idle();
  }

  std::shared_ptr<ServerShared> shared_;
  async::Executor executor_;
  std::map<uint64_t, std::shared_ptr<ServerConnection>> connections_;
  uint64_t serials_ = 0;
  bool stopping_ = false, sweeping_ = false, insisting_ = false;
  std::stop_source stop_;  // of the two sleepers
  async::Event idle_;
};

}  // namespace

struct Server::State {
  State(os::Env& env, const Router& router, ServerConfig config, const std::vector<async::Executor>& executors,
        ServerEvents* events)
      : shared(std::make_shared<ServerShared>(env, router, config, events)), accepting(executors.front()) {
    for (const async::Executor& executor : executors) shards.push_back(std::make_shared<Shard>(shared, executor));
  }

  static Task<void> accept(std::shared_ptr<State> state, std::shared_ptr<os::Listener> listener) {
    while (!state->stop.stop_requested()) {
      std::shared_ptr<Shard> shard = state->shards[state->next_shard++ % state->shards.size()];
      Task<Result<std::unique_ptr<os::Connection>>> accepting = listener->accept(shard->executor());
      Result<std::unique_ptr<os::Connection>> stream = co_await std::move(accepting);
      if (stream) {
        state->hand_over(*shard, std::move(*stream), listener->address().is_unix());
      } else if (!stream.error().is(Code::kCancelled)) {
        Task<bool> pausing = state->shared->env.clock.sleep(kAcceptPause, state->stop.get_token());
        co_await std::move(pausing);
      } else {
        break;
      }
    }
  }

  void hand_over(Shard& shard, std::unique_ptr<os::Connection> stream, bool is_unix) {
    if (shared->connections.fetch_add(1) >= shared->config.max_connections) {
      shared->connections.fetch_sub(1);
      if (shared->events != nullptr) shared->events->connection_refused();
      async::post(shard.executor(), [stream = std::move(stream)] { stream->close(); });
      return;
    }
    async::post(shard.executor(), [shard = shard.shared_from_this(), stream = std::move(stream), is_unix]() mutable {
      shard->adopt(std::move(stream), is_unix);
    });
  }

  static Task<bool> stop_accepting(std::shared_ptr<State> state) {
    state->stop.request_stop();
    for (const auto& listener : state->listeners) listener->close();
    Task<void> ending = state->accepting.stop();
    co_await std::move(ending);
    co_return true;
  }
  static Task<void> stop_shard(std::shared_ptr<Shard> shard, std::shared_ptr<async::Event> ended) {
    Task<void> stopping = Shard::stop(shard);
    co_await std::move(stopping);
    ended->set();
  }

  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<Shard>> shards;
  std::vector<std::shared_ptr<os::Listener>> listeners;  // shared with their accept loops
  std::stop_source stop;
  async::Scope accepting;
  size_t next_shard = 0;  // used by the first executor only
};

Server::Server(os::Env& env, const Router& router, ServerConfig config, std::vector<async::Executor> executors,
               ServerEvents* events) {
  FOREBAY_CHECK(!executors.empty(), "a server needs an executor");
  state_ = std::make_shared<State>(env, router, config, executors, events);
}

Server::~Server() { FOREBAY_CHECK(state_->listeners.empty(), "a server is destroyed while it serves; stop() it first"); }

Result<os::Address> Server::listen(const os::Address& at) {
  const async::Executor& executor = state_->shards.front()->executor();
  ASSIGN_OR_RETURN(std::shared_ptr<os::Listener> listener, state_->shared->env.network.listen(at, executor));
  if (!state_->accepting.spawn(State::accept(state_, listener))) return cancelled("the server was stopped");
  state_->listeners.push_back(listener);
  return listener->address();
}

Task<void> Server::stop() {
  std::shared_ptr<State> state = state_;
  Task<bool> accepting = async::run_on(state->shards.front()->executor(), State::stop_accepting(state));
  co_await std::move(accepting);
  std::vector<std::shared_ptr<async::Event>> ended;  // all shards drain at the same time
  for (const std::shared_ptr<Shard>& shard : state->shards) {
    ended.push_back(std::make_shared<async::Event>());
    async::spawn_detached(shard->executor(), State::stop_shard(shard, ended.back()));
  }
  for (const std::shared_ptr<async::Event>& event : ended) {
    Task<void> waiting = event->wait();
    co_await std::move(waiting);
  }
  state->listeners.clear();
}

}  // namespace forebay::rpc
