// How much memory buffered writes may take.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "async/task.h"

namespace forebay::client {

// First come, first served. Any thread. What is acquired is given back by release(), in pieces of any size, by anybody. Whoever
// waits must hold nothing that those who give back need.
class ByteBudget {
 public:
  explicit ByteBudget(uint64_t bytes) : total_(bytes), free_(bytes), least_free_(bytes) {}

  // `bytes` is at most total().
  Task<void> acquire(uint64_t bytes);
  bool try_acquire(uint64_t bytes);  // false: one would have to wait
  void release(uint64_t bytes);
  uint64_t total() const { return total_; }
  uint64_t used() const;
  uint64_t most_used() const;  // at any moment so far

 private:
  const uint64_t total_;
  void take_locked(uint64_t bytes);

  mutable std::mutex mutex_;
  uint64_t free_, least_free_;
  struct Waiter {
    uint64_t bytes;
    async::Waker waker;
  };
  std::deque<Waiter> waiters_;
};

// So many bytes of a budget, which outlives it; the destructor gives them back. Not synchronised.
class BudgetShare {
 public:
  BudgetShare() = default;
  BudgetShare(BudgetShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  BudgetShare& operator=(BudgetShare&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~BudgetShare() { release(bytes_); }
  static Task<BudgetShare> acquire(ByteBudget* budget, uint64_t bytes);

  uint64_t bytes() const { return bytes_; }
  BudgetShare split(uint64_t bytes);  // at most bytes()
  void merge(BudgetShare other);      // of the same budget
  void release(uint64_t bytes);
  void hand_over(uint64_t bytes);  // somebody else gives them back

 private:
  BudgetShare(ByteBudget* budget, uint64_t bytes) : budget_(budget), bytes_(bytes) {}

  ByteBudget* budget_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace forebay::client
