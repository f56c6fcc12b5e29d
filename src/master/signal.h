// Wakes a background loop.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "async/task.h"
#include "base/check.h"

namespace forebay::master {

// Remembers that it was raised until the one waiter has taken it. Any thread.
class Signal {
 public:
  void raise() {
    std::optional<async::Waker> wake;
    {
      std::lock_guard lock(mutex_);
      if (waiter_)
        wake.swap(waiter_);
      else
        raised_ = true;
    }
    if (wake) (*wake)();
  }
  Task<void> wait() {
    if (take()) co_return;
    co_await async::park([this](async::Waker waker) {
      {
        std::lock_guard lock(mutex_);
        if (!std::exchange(raised_, false)) {
          FOREBAY_CHECK(!waiter_, "a signal has one waiter");
          waiter_.emplace(std::move(waker));
          return;
        }
      }
      waker();
    });
  }

 private:
  bool take() {
    std::lock_guard lock(mutex_);
    return std::exchange(raised_, false);
  }

  std::mutex mutex_;
  bool raised_ = false;
  std::optional<async::Waker> waiter_;
};

}  // namespace forebay::master
