// Numbers of mutations within a session.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <set>

#include "async/task.h"

namespace forebay::client {

// Gives out 1, 2, 3, … such that s is not used before s - `width` has ended: the master remembers the outcomes of the last
// `width` only, and a number whose outcome was overwritten could be executed twice. Any thread; waiters are served in order.
class SequenceWindow {
 public:
  explicit SequenceWindow(uint64_t width) : width_(width) {}

  Task<uint64_t> begin();
  // The number will not be sent again, whatever came of it. Once for each begin().
  void end(uint64_t sequence);

 private:
  bool may_begin() const { return next_ < oldest() + width_; }
  uint64_t oldest() const { return open_.empty() ? next_ : *open_.begin(); }

  const uint64_t width_;
  std::mutex mutex_;
  uint64_t next_ = 1;
  std::set<uint64_t> open_;  // begun and not ended; at most `width_`
  struct Waiter {
    uint64_t* sequence;  // in the waiting coroutine's frame
    async::Waker waker;
  };
  std::deque<Waiter> waiters_;
};

}  // namespace forebay::client
