#include "rpc/byte_budget.h"

#include <vector>

#include "base/check.h"

namespace forebay::rpc {

bool ByteBudget::try_take(size_t bytes) {
  std::lock_guard lock(mutex_);
  if (!waiters_.empty() || !fits(bytes)) return false;
  used_ += bytes;
  return true;
}

Task<void> ByteBudget::take(size_t bytes) {
  if (try_take(bytes)) co_return;
  Task<void> parked = async::park([this, bytes](async::Waker waker) {
    {
      std::lock_guard lock(mutex_);
      if (!waiters_.empty() || !fits(bytes)) {
        waiters_.push_back({bytes, std::move(waker)});
        return;
      }
      used_ += bytes;
    }
    waker();
  });
  co_await std::move(parked);
}

void ByteBudget::add(size_t bytes) {
  std::lock_guard lock(mutex_);
  used_ += bytes;
}

void ByteBudget::release(size_t bytes) {
  std::vector<async::Waker> wake;
  {
    std::lock_guard lock(mutex_);
    FOREBAY_CHECK(bytes <= used_, "more bytes are released than were taken");
    used_ -= bytes;
    while (!waiters_.empty() && fits(waiters_.front().bytes)) {
      used_ += waiters_.front().bytes;  // taken on behalf of the waiter, so that nobody overtakes it
      wake.push_back(std::move(waiters_.front().waker));
      waiters_.pop_front();
    }
  }
  for (async::Waker& waker : wake) waker();
}

size_t ByteBudget::used() const {
  std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace forebay::rpc
