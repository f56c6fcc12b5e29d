// What the tests of rpc share: an environment with a clock that stands still until it is told, methods, and a raw peer that can
// send anything.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "async/loop.h"
#include "async/sync.h"
#include "forebay/v1/namespace.pb.h"
#include "os/env.h"
#include "rpc/channel.h"
#include "rpc/frame.h"
#include "rpc/server.h"

namespace forebay::rpc {

// Moves only by advance(). Any thread.
class StepClock final : public os::Clock {
 public:
  os::Instant now() const override { return os::Instant(Duration(now_.load())); }
  os::WallTime wall_now() const override { return os::WallTime(Duration(now_.load())); }
  Task<bool> sleep_until(os::Instant when, std::stop_token stop) override {
    auto done = std::make_shared<async::OneShot<bool>>();
    {
      std::lock_guard lock(mutex_);
      if (when <= now()) co_return true;
      sleepers_.push_back({when, done});
    }
    std::stop_callback on_stop(stop, [done] { done->set(false); });
    Task<bool> waiting = done->wait();
    bool slept = co_await std::move(waiting);
    co_return slept;
  }
  void advance(Duration by) {
    std::vector<std::shared_ptr<async::OneShot<bool>>> due;
    {
      std::lock_guard lock(mutex_);
      now_ += by.count();
      std::erase_if(sleepers_, [&](const Sleeper& sleeper) {
        bool over = sleeper.when <= now() || sleeper.done->is_set();
        if (over) due.push_back(sleeper.done);
        return over;
      });
    }
    for (auto& done : due) done->set(true);
  }

 private:
  struct Sleeper {
    os::Instant when;
    std::shared_ptr<async::OneShot<bool>> done;
  };
  // Ahead of the real one, which the real network compares its deadlines with.
  std::atomic<int64_t> now_ = (std::chrono::steady_clock::now() + std::chrono::hours(1)).time_since_epoch().count();
  std::mutex mutex_;
  std::list<Sleeper> sleepers_;
};

// Methods that no service has.
template <uint16_t kNumber, uint32_t kMaxPayloadBytes = 0, uint32_t kDeadlineMs = 5000>
struct TestMethod {
  using Request = v1::ResolveRequest;
  using Reply = v1::DirEntry;
  static constexpr Method kMethod{kNumber, "test_method", "TestService", Retry::kRead, kDeadlineMs, kMaxPayloadBytes};
};
using Echo = TestMethod<60000>;
using EchoPayload = TestMethod<60001, kMaxPayload>;
using Fail = TestMethod<60002>;
using PassDescriptor = TestMethod<60003>;
using Wait = TestMethod<60004>;  // until released, or abandoned
using Throw = TestMethod<60005>;
using Unhandled = TestMethod<60006>;
using TooMuchPayload = TestMethod<60007, 16>;

inline v1::ResolveRequest text(const std::string& value) {
  v1::ResolveRequest request;
  request.set_path(value);
  return request;
}

// Handlers, and what they saw.
class TestHandlers {
 public:
  TestHandlers();
  Router router;
  std::shared_ptr<os::File> file;  // passed by PassDescriptor

  std::atomic<int> waiting = 0, abandoned = 0, finished = 0;
  std::atomic<int> few = 0;  // calls that echo() was told are among few
  async::Event release;
  std::mutex mutex;
  std::optional<Call> last;  // guarded by mutex; without its payload

 private:
  static Task<Result<Answer<v1::DirEntry>>> echo(TestHandlers* self, Call call, v1::ResolveRequest request);
  static Task<Result<Answer<v1::DirEntry>>> wait(TestHandlers* self, Call call, v1::ResolveRequest request);
};

class CountingEvents final : public ServerEvents {
 public:
  void call_finished(const Method&, Duration, const Status* error, TraceId) override {
    ++(error == nullptr ? succeeded : failed);
  }
  void connections_changed(int delta) override { connections += delta; }
  void connection_refused() override { ++refused; }
  void connection_failed(const std::string&, const Status& why) override {
    std::lock_guard lock(mutex);
    failures.push_back(why);
  }
  std::vector<Status> seen() {
    std::lock_guard lock(mutex);
    return failures;
  }
  std::atomic<int> succeeded = 0, failed = 0, connections = 0, refused = 0;
  std::mutex mutex;
  std::vector<Status> failures;
};

// A peer that speaks frames by hand. Blocking, for test threads.
class RawPeer {
 public:
  RawPeer(os::Network& network, async::Executor executor, const os::Address& to);
  RawPeer(async::Executor executor, std::unique_ptr<os::Connection> connection);
  ~RawPeer();
  Result<void> send(std::string bytes, int descriptor = -1);
  // A whole frame, or nothing when the other side closed.
  struct Frame {
    Header header;
    std::string message, payload;
  };
  std::optional<Frame> receive();
  bool is_closed() { return !receive(); }  // by the other side, perhaps after a while

 private:
  static Task<Result<void>> send_task(os::Connection* connection, std::string bytes, int descriptor);
  static Task<std::optional<std::string>> read_task(os::Connection* connection, size_t size);
  async::Executor executor_;
  std::unique_ptr<os::Connection> connection_;
};

std::string request_frame(uint16_t method, uint64_t id, std::string_view message, std::string_view payload = {});

// A server with the handlers above on two executors, over TCP and Unix, and an environment for it.
class RpcTest : public ::testing::Test {
 protected:
  RpcTest();
  ~RpcTest() override;
  // Before the first channel or peer.
  void serve(ServerConfig config = {});
  void stop_server();
  std::unique_ptr<Channel> channel(const os::Address& to, ChannelConfig config = {});
  RawPeer peer() { return RawPeer(env.network, client.executor(), tcp); }
  template <class M>
  Result<Received<typename M::Reply>> call(Channel& on, const std::string& value, CallOptions options = {}) {
    return async::block_on(client.executor(), on.call<M>(text(value), std::move(options)));
  }
  int error_of_echo(Channel& on) {
    auto reply = call<Echo>(on, "x");
    return reply ? 0 : reply.error().error();
  }
  template <class T>
  T run(Task<T> task) {
    return async::block_on(client.executor(), std::move(task));
  }
  static Task<bool> done(Task<void> task);
  void stop(Channel& channel) { run(done(channel.stop())); }
  // Waits, in real time, for another thread to get there.
  template <class Condition>
  [[nodiscard]] bool eventually(Condition condition) {
    for (int i = 0; i < 10'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  async::Loop client{"client"}, one{"server 1"}, two{"server 2"};
  StepClock clock;
  os::Env env{clock, os::real_random(), os::real_files(), os::real_network(), client.executor(), "host"};
  std::string directory;
  TestHandlers handlers;
  CountingEvents events;
  std::unique_ptr<Server> server;
  os::Address tcp, local;
};

}  // namespace forebay::rpc
