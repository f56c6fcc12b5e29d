// Waiting until a condition over some locked state holds.
#pragma once

#include <mutex>
#include <vector>

#include "async/task.h"

namespace forebay::client {

// A condition variable for coroutines. The mutex is the one that guards what `done` looks at; the same for every call.
class Changes {
 public:
  // Returns when `done`, called with the mutex held, is true. The caller does not hold it.
  template <class Done>
  Task<void> wait(std::mutex* mutex, Done done) {
    for (;;) {
      {
        std::lock_guard lock(*mutex);
        if (done()) co_return;
      }
      co_await async::park([this, mutex, &done](async::Waker waker) {
        {
          std::lock_guard lock(*mutex);
          if (!done()) {
            waiters_.push_back(std::move(waker));
            return;
          }
        }
        waker();
      });
    }
  }

  // With the mutex held; the wakers are to be called after it is released.
  [[nodiscard]] std::vector<async::Waker> take() { return std::exchange(waiters_, {}); }
  static void wake(std::vector<async::Waker> wakers) {
    for (async::Waker& waker : wakers) waker();
  }

 private:
  std::vector<async::Waker> waiters_;
};

}  // namespace forebay::client
