// A bound on bytes in memory, shared by all connections of a server.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>

#include "async/task.h"

namespace forebay::rpc {

// Any thread. take() waits, first come, first served, until there is room; a request larger than everything is let through when
// nothing else is there. add() is for bytes that exist already.
class ByteBudget {
 public:
  explicit ByteBudget(size_t most) : most_(most) {}
  Task<void> take(size_t bytes);
  bool try_take(size_t bytes);
  void add(size_t bytes);
  void release(size_t bytes);
  size_t used() const;

 private:
  struct Waiter {
    size_t bytes;
    async::Waker waker;
  };
  bool fits(size_t bytes) const { return used_ == 0 || used_ + bytes <= most_; }

  const size_t most_;
  mutable std::mutex mutex_;
  size_t used_ = 0;
  std::deque<Waiter> waiters_;
};

}  // namespace forebay::rpc
