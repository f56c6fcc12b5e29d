#include "client/sequence_window.h"

#include <vector>

namespace forebay::client {

Task<uint64_t> SequenceWindow::begin() {
  uint64_t sequence = 0;
  {
    std::lock_guard lock(mutex_);
    if (waiters_.empty() && may_begin()) {
      sequence = next_++;
      open_.insert(sequence);
    }
  }
  if (sequence != 0) co_return sequence;
  co_await async::park([this, &sequence](async::Waker waker) {
    {
      std::lock_guard lock(mutex_);
      if (!waiters_.empty() || !may_begin()) {
        waiters_.push_back({&sequence, std::move(waker)});
        return;
      }
      sequence = next_++;
      open_.insert(sequence);
    }
    waker();
  });
  co_return sequence;
}

void SequenceWindow::end(uint64_t sequence) {
  std::vector<async::Waker> wake;
  {
    std::lock_guard lock(mutex_);
    open_.erase(sequence);
    while (!waiters_.empty() && may_begin()) {
      *waiters_.front().sequence = next_;
      open_.insert(next_++);
      wake.push_back(std::move(waiters_.front().waker));
      waiters_.pop_front();
    }
  }
  for (async::Waker& waker : wake) waker();
}

}  // namespace forebay::client
