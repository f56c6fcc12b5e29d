#include "client/byte_budget.h"

#include <algorithm>
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
      take_locked(bytes);
    }
    waker();
  });
}

bool ByteBudget::try_acquire(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (!waiters_.empty() || bytes > free_) return false;
  take_locked(bytes);
  return true;
}

void ByteBudget::release(uint64_t bytes) {
  std::vector<async::Waker> wake;
  {
    std::lock_guard lock(mutex_);
    free_ += bytes;
    FOREBAY_CHECK(free_ <= total_, "more bytes given back than were taken");
    while (!waiters_.empty() && waiters_.front().bytes <= free_) {
      take_locked(waiters_.front().bytes);
      wake.push_back(std::move(waiters_.front().waker));
      waiters_.pop_front();
    }
  }
  for (async::Waker& waker : wake) waker();
}

void ByteBudget::take_locked(uint64_t bytes) {
  free_ -= bytes;
  least_free_ = std::min(least_free_, free_);
}

uint64_t ByteBudget::used() const {
  std::lock_guard lock(mutex_);
  return total_ - free_;
}

uint64_t ByteBudget::most_used() const {
  std::lock_guard lock(mutex_);
  return total_ - least_free_;
}

// ---- shares ----

Task<BudgetShare> BudgetShare::acquire(ByteBudget* budget, uint64_t bytes) {
  co_await budget->acquire(bytes);
  co_return BudgetShare(budget, bytes);
}

BudgetShare BudgetShare::split(uint64_t bytes) {
  hand_over(bytes);
  return BudgetShare(budget_, bytes);
}

void BudgetShare::merge(BudgetShare other) {
  if (budget_ == nullptr) budget_ = other.budget_;
  FOREBAY_CHECK(other.bytes_ == 0 || other.budget_ == budget_, "shares of two budgets");
  bytes_ += std::exchange(other.bytes_, 0);
}

void BudgetShare::hand_over(uint64_t bytes) {
  FOREBAY_CHECK(bytes <= bytes_, "more of a budget is handed over than there is");
  bytes_ -= bytes;
}

void BudgetShare::release(uint64_t bytes) {
  hand_over(bytes);
  if (bytes != 0) budget_->release(bytes);
}

}  // namespace forebay::client
