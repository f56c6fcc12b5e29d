#include "async/sync.h"

namespace forebay::async {

void Event::set() {
  std::vector<Waker> wake;
  {
    std::lock_guard lock(mutex_);
    if (set_) return;
    set_ = true;
    wake.swap(waiters_);
  }
  // From here on this object may be gone: a waiter that runs on another thread may own it.
  for (Waker& waker : wake) waker();
}

bool Event::is_set() const {
  std::lock_guard lock(mutex_);
  return set_;
}

Task<void> Event::wait() {
  if (is_set()) co_return;
  co_await park([this](Waker waker) {
    {
      std::lock_guard lock(mutex_);
      if (!set_) {
        waiters_.push_back(std::move(waker));
        return;
      }
    }
    waker();
  });
}

Task<void> Semaphore::acquire() {
  if (try_acquire()) co_return;
  co_await park([this](Waker waker) {
    {
      std::lock_guard lock(mutex_);
      if (permits_ == 0) {
        waiters_.push_back(std::move(waker));
        return;
      }
      --permits_;
    }
    waker();
  });
}

bool Semaphore::try_acquire() {
  std::lock_guard lock(mutex_);
  if (permits_ == 0) return false;
  --permits_;
  return true;
}

void Semaphore::release() {
  Waker waker;
  {
    std::lock_guard lock(mutex_);
    if (waiters_.empty()) {
      ++permits_;
      return;
    }
    waker = std::move(waiters_.front());  // the permit passes on directly, so nobody can overtake
    waiters_.pop_front();
  }
  waker();
}

size_t Semaphore::available() const {
  std::lock_guard lock(mutex_);
  return permits_;
}

Scope::~Scope() { FOREBAY_CHECK(running() == 0, "a scope is destroyed while its tasks run; stop() it first"); }

size_t Scope::running() const {
  std::lock_guard lock(mutex_);
  return running_;
}

Task<void> Scope::run(Scope* scope, Task<void> task) {
  co_await std::move(task);
  bool last = false;
  {
    std::lock_guard lock(scope->mutex_);
    last = --scope->running_ == 0 && scope->stopping_;
  }
  if (last) scope->idle_.set();
}

bool Scope::spawn(Task<void> task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    ++running_;
  }
  spawn_detached(executor_, run(this, std::move(task)));
  return true;
}

Task<void> Scope::stop() {
  bool idle = false;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    idle = running_ == 0;
  }
  stop_.request_stop();
  if (!idle) co_await idle_.wait();
}

}  // namespace forebay::async
