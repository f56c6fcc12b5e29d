// How much memory buffered writes may take.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

#include "async/task.h"

namespace forebay::client {

// First come, first served. Any thread. What is acquired is given back by release(), in pieces of any size, by anybody. Whoever
// waits must hold nothing that those who give back need.
class ByteBudget {
 public:
  explicit ByteBudget(uint64_t bytes) : total_(bytes), free_(bytes) {}

  // `bytes` is at most total().
  Task<void> acquire(uint64_t bytes);
  bool try_acquire(uint64_t bytes);  // false: one would have to wait
  void release(uint64_t bytes);
  uint64_t total() const { return total_; }
  uint64_t used() const;

 private:
  const uint64_t total_;
  mutable std::mutex mutex_;
  uint64_t free_;
  struct Waiter {
    uint64_t bytes;
    async::Waker waker;
  };
  std::deque<Waiter> waiters_;
};

}  // namespace forebay::client
