// Coroutines. Asio's names appear only in this module.
//
// Rules (style.md, Concurrency): coroutine parameters by value; no capturing lambda is a coroutine; no co_await in a catch block
// or in a conditional operand; name every awaitable argument first; no lock is held across co_await.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "base/status.h"

namespace forebay::async {

using Executor = boost::asio::any_io_executor;

template <class T>
using Task = boost::asio::awaitable<T, Executor>;

// Resumes one parked coroutine, by posting to that coroutine's executor. Call exactly once, from any thread.
using Waker = std::move_only_function<void()>;

// Suspends the calling coroutine and hands its waker to `store`, which runs before park() returns control to the executor.
Task<void> park(std::move_only_function<void(Waker)> store);

Task<Executor> current_executor();

// Lets other work of this executor run first.
Task<void> yield();

// Runs `function` on the executor, later, from any thread.
void post(const Executor& executor, std::move_only_function<void()> function);

// Starts a task that nobody waits for. Prefer Scope, which does. An exception that leaves the task stops the process.
void spawn_detached(const Executor& executor, Task<void> task);

namespace detail {
template <class T>
struct Slot {
  std::optional<T> value;
};
template <class T>
Task<void> fill(Task<T> task, std::shared_ptr<Slot<T>> slot, std::function<void()> done) {
  slot->value.emplace(co_await std::move(task));
  done();
}
// A plain thread waits on this.
class Latch {
 public:
  Latch();
  ~Latch();
  void open();
  void wait();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with open(), which still notifies when the waiter may have gone on
};
}  // namespace detail

// Runs the task on another executor and resumes the caller on its own.
template <class T>
Task<T> run_on(Executor executor, Task<T> task) {
  auto slot = std::make_shared<detail::Slot<T>>();
  auto shared_task = std::make_shared<Task<T>>(std::move(task));
  co_await park([&](Waker waker) {
    auto shared_waker = std::make_shared<Waker>(std::move(waker));
    spawn_detached(executor, detail::fill<T>(std::move(*shared_task), slot, [shared_waker] { (*shared_waker)(); }));
  });
  co_return std::move(*slot->value);
}

// Runs a blocking function (fsync, a RocksDB call) on the executor given, usually a thread pool's, and resumes the caller on its
// own.
template <class F, class T = std::invoke_result_t<F>>
Task<T> run_blocking(Executor executor, F function) {
  std::optional<T> result;
  co_await park([&](Waker waker) {
    post(executor, [&result, &function, waker = std::move(waker)]() mutable {
      result.emplace(function());
      waker();
    });
  });
  co_return std::move(*result);
}

// For threads that are not an executor's (FUSE, the CLI, foreign callers of the client library): runs the task and waits for it.
// Calling it on a thread that runs `executor` deadlocks.
template <class T>
T block_on(const Executor& executor, Task<T> task) {
  auto slot = std::make_shared<detail::Slot<T>>();
  detail::Latch latch;
  spawn_detached(executor, detail::fill<T>(std::move(task), slot, [&latch] { latch.open(); }));
  latch.wait();
  return std::move(*slot->value);
}
inline void block_on(const Executor& executor, Task<void> task) {
  struct Done {};
  struct Run {
    static Task<Done> run(Task<void> task) {
      co_await std::move(task);
      co_return Done{};
    }
  };
  block_on(executor, Run::run(std::move(task)));
}

}  // namespace forebay::async

namespace forebay {
using async::Task;
}
