#include "client/byte_budget.h"

#include <vector>

#include "base/check.h"

namespace forebay::client {

Task<void> ByteBudget::acquire(uint64_t bytes) {
  FOREBAY_CHECK(bytes <= total_, "more than the whole budget would wait for ever");
  if (try_acquire(bytes)) co_return;
  co_await async::park([this, bytes](async::Waker waker) {
    {
      std::lock_guard lock(mutex_);
      if (!waiters_.empty() || bytes > free_) {
        waiters_.push_back({bytes, std::move(waker)});
        return;
      }
      free_ -= bytes;
    }
    waker();
  });
}

bool ByteBudget::try_acquire(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (!waiters_.empty() || bytes > free_) return false;
  free_ -= bytes;
  return true;
}

void ByteBudget::release(uint64_t bytes) {
  std::vector<async::Waker> wake;
  {
    std::lock_guard lock(mutex_);
    free_ += bytes;
    FOREBAY_CHECK(free_ <= total_, "more bytes given back than were taken");
    while (!waiters_.empty() && waiters_.front().bytes <= free_) {
      free_ -= waiters_.front().bytes;
      wake.push_back(std::move(waiters_.front().waker));
      waiters_.pop_front();
    }
  }
  for (async::Waker& waker : wake) waker();
}

uint64_t ByteBudget::used() const {
  std::lock_guard lock(mutex_);
  return total_ - free_;
}

}  // namespace forebay::client
