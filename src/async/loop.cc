#include "async/loop.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <thread>
#include <vector>

#include "async/busy_poll.h"
#include "base/check.h"

namespace forebay::async {

namespace asio = boost::asio;

struct Loop::State {
  explicit State(int threads) : context(threads) {}
  asio::io_context context;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::vector<std::thread> threads;
};

namespace {

void run(asio::io_context& context, BusyPoll busy_poll) {
  while (context.run_one() > 0) {
    busy_poll.woken(BusyPoll::Clock::now());
    context.poll();  // what else is ready
    bool look = busy_poll.begin(BusyPoll::Clock::now());
    while (look && !context.stopped()) {
      const bool found = context.poll() > 0;
      if (found) busy_poll.found();
      const auto now = BusyPoll::Clock::now();
      look = found ? busy_poll.begin(now) : busy_poll.go_on(now);
    }
  }
}

}  // namespace

Loop::Loop(const char* thread_name, int threads, Duration busy_poll) : state_(std::make_unique<State>(threads)) {
  FOREBAY_CHECK(threads > 0, "a loop needs a thread");
  state_->work.emplace(state_->context.get_executor());
  for (int i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get(), threads, busy_poll] {
      // Several would look for the same.
      if (busy_poll > Duration{0} && threads == 1)
        run(state->context, BusyPoll(busy_poll));
      else
        state->context.run();
    });
    pthread_setname_np(state_->threads.back().native_handle(), std::string(thread_name).substr(0, 15).c_str());
  }
}

Loop::~Loop() { stop(); }

Executor Loop::executor() const { return state_->context.get_executor(); }

void Loop::stop() {
  state_->work.reset();
  state_->context.stop();
  for (std::thread& thread : state_->threads) thread.join();
  state_->threads.clear();
}

struct ManualLoop::State {
  asio::io_context context{1};
};

ManualLoop::ManualLoop() : state_(std::make_unique<State>()) {}
ManualLoop::~ManualLoop() = default;
Executor ManualLoop::executor() const { return state_->context.get_executor(); }

size_t ManualLoop::run_ready(size_t at_most) {
  size_t ran = 0;
  while (ran < at_most) {
    state_->context.restart();
    if (state_->context.poll_one() == 0) break;
    ++ran;
  }
  return ran;
}

Task<bool> sleep_until(std::chrono::steady_clock::time_point when, std::stop_token stop) {
  Executor executor = co_await asio::this_coro::executor;
  if (stop.stop_requested()) co_return false;
  if (when <= std::chrono::steady_clock::now()) {
    co_await yield();
    co_return !stop.stop_requested();
  }
  auto timer = std::make_shared<asio::steady_timer>(executor, when);
  // The token may be used from any thread, the timer only from its executor; the timer outlives the posted cancel.
  std::stop_callback on_stop(stop, [timer, executor] { asio::post(executor, [timer] { timer->cancel(); }); });
  boost::system::error_code error;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable_t<Executor>{}, error));
  co_return !stop.stop_requested();
}

struct Descriptor::State {
  State(const Executor& executor, int fd) : descriptor(executor, fd) {}
  asio::posix::stream_descriptor descriptor;
  std::atomic<bool> cancelled = false;
};

Descriptor::Descriptor(const Executor& executor, int fd) : state_(std::make_shared<State>(executor, fd)) {}

Descriptor::~Descriptor() {
  if (state_) release();
}

int Descriptor::fd() const { return state_->descriptor.native_handle(); }

Task<bool> Descriptor::readable() {
  auto state = state_;
  if (state->cancelled) co_return false;
  boost::system::error_code error;
  co_await state->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                        asio::redirect_error(asio::use_awaitable_t<Executor>{}, error));
  co_return !error && !state->cancelled;
}

Task<bool> Descriptor::writable() {
  auto state = state_;
  if (state->cancelled) co_return false;
  boost::system::error_code error;
  co_await state->descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                        asio::redirect_error(asio::use_awaitable_t<Executor>{}, error));
  co_return !error && !state->cancelled;
}

Task<ssize_t> Descriptor::read_some(MutableBytes into) {
  auto state = state_;
  if (state->cancelled) co_return -ECANCELED;
  boost::system::error_code error;
  const size_t got = co_await state->descriptor.async_read_some(asio::buffer(into.data(), into.size()),
                                                                asio::redirect_error(asio::use_awaitable_t<Executor>{}, error));
  if (!error) co_return static_cast<ssize_t>(got);
  co_return error == asio::error::eof ? 0 : -error.value();
}

void Descriptor::cancel() {
  state_->cancelled = true;
  boost::system::error_code ignored;
  state_->descriptor.cancel(ignored);
}

void Descriptor::release() {
  cancel();
  if (state_->descriptor.is_open()) state_->descriptor.release();
}

}  // namespace forebay::async
