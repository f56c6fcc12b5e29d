#include "async/task.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/check.h"

namespace forebay::async {

namespace asio = boost::asio;

Task<void> park(std::move_only_function<void(Waker)> store) {
  Executor executor = co_await asio::this_coro::executor;
  auto initiation = [&store, &executor](auto handler) {
    // The handler is move-only and remembers its coroutine; the waker posts it, so that waking never runs foreign code inline.
    // The outstanding work keeps the executor's loop alive while the coroutine is parked.
    auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
    store([handler = std::move(handler), work = std::move(work)]() mutable { asio::post(work, std::move(handler)); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiation, asio::use_awaitable_t<Executor>{});
}

Task<Executor> current_executor() { co_return co_await asio::this_coro::executor; }

Task<void> yield() {
  co_await park([](Waker waker) { waker(); });
}

void post(const Executor& executor, std::move_only_function<void()> function) { asio::post(executor, std::move(function)); }

void spawn_detached(const Executor& executor, Task<void> task) {
  asio::co_spawn(executor, std::move(task), [](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
      check_failed(__FILE__, __LINE__, "no exception leaves a task", exception.what());
    } catch (...) {
      check_failed(__FILE__, __LINE__, "no exception leaves a task", "unknown exception");
    }
  });
}

namespace detail {

struct Latch::State {
  std::mutex mutex;
  std::condition_variable condition;
  bool open = false;
};

Latch::Latch() : state_(std::make_shared<State>()) {}
Latch::~Latch() = default;

void Latch::open() {
  // The waiter may destroy this latch as soon as it sees `open`. Notifying it under the lock would wake it only to wait again.
  std::shared_ptr<State> state = state_;
  {
    std::lock_guard lock(state->mutex);
    state->open = true;
  }
  state->condition.notify_one();
}

void Latch::wait() {
  std::unique_lock lock(state_->mutex);
  state_->condition.wait(lock, [this] { return state_->open; });
}

}  // namespace detail
}  // namespace forebay::async
