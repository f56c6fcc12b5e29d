// What coroutines use to wait for each other. Everything here may be called from any thread; a waiter resumes on its own
// executor.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/check.h"

namespace forebay::async {

// A one-way switch: off, then set for ever. Any number of waiters.
class Event {
 public:
  void set();
  bool is_set() const;
  Task<void> wait();

 private:
  mutable std::mutex mutex_;
  bool set_ = false;
  std::vector<Waker> waiters_;
};

// Carries one value from one producer to one consumer. The first set() wins and returns true; later ones are dropped and return
// false (a reply and a deadline may race).
template <class T>
class OneShot {
 public:
  bool set(T value) {
    {
      std::lock_guard lock(mutex_);
      if (value_) return false;
      value_.emplace(std::move(value));
    }
    event_.set();
    return true;
  }
  Task<T> wait() {
    co_await event_.wait();
    co_return std::move(*value_);
  }
  bool is_set() const { return event_.is_set(); }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
  Event event_;
};

// First come, first served. Release one permit for each acquired.
class Semaphore {
 public:
  explicit Semaphore(size_t permits) : permits_(permits) {}
  Task<void> acquire();
  bool try_acquire();
  void release();
  size_t available() const;

 private:
  mutable std::mutex mutex_;
  size_t permits_;
  std::deque<Waker> waiters_;
};

// Held by a guard: `auto guard = co_await mutex.lock();`. May be held across co_await, unlike std::mutex; first come, first
// served.
class Mutex {
 public:
  class Guard {
   public:
    explicit Guard(Semaphore* semaphore) : semaphore_(semaphore) {}
    Guard(Guard&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
    Guard& operator=(Guard&& other) noexcept {
      unlock();
      semaphore_ = std::exchange(other.semaphore_, nullptr);
      return *this;
    }
    ~Guard() { unlock(); }
    void unlock() {
      if (Semaphore* semaphore = std::exchange(semaphore_, nullptr)) semaphore->release();
    }

   private:
    Semaphore* semaphore_;
  };
  Task<Guard> lock() {
    co_await semaphore_.acquire();
    co_return Guard(&semaphore_);
  }

 private:
  Semaphore semaphore_{1};
};

// A bounded queue between coroutines. push() waits while it is full; try_push() refuses. After close() pushes are refused, and
// pops drain what is left, then answer nothing.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) { FOREBAY_CHECK(capacity > 0, "a queue needs room for one"); }

  Task<bool> push(T value) {
    for (;;) {
      bool waits = false;
      {
        std::unique_lock lock(mutex_);
        if (closed_) co_return false;
        if (items_.size() < capacity_) {
          items_.push_back(std::move(value));
          wake_one(poppers_, lock);
          co_return true;
        }
        waits = true;
      }
      if (waits)
        co_await park(
            [this](Waker waker) { enlist(pushers_, std::move(waker), [this] { return items_.size() < capacity_ || closed_; }); });
    }
  }
  bool try_push(T value) {
    std::unique_lock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(value));
    wake_one(poppers_, lock);
    return true;
  }
  Task<std::optional<T>> pop() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (!items_.empty()) {
          T value = std::move(items_.front());
          items_.pop_front();
          wake_one(pushers_, lock);
          co_return value;
        }
        if (closed_) co_return std::nullopt;
      }
      co_await park([this](Waker waker) { enlist(poppers_, std::move(waker), [this] { return !items_.empty() || closed_; }); });
    }
  }
  // Everything that is queued, up to `most`, waiting for at least one item; empty only after close().
  Task<std::vector<T>> pop_many(size_t most) {
    std::vector<T> taken;
    std::optional<T> first = co_await pop();
    if (!first) co_return taken;
    taken.push_back(std::move(*first));
    std::vector<Waker> wake;
    {
      std::lock_guard lock(mutex_);
      while (taken.size() < most && !items_.empty()) {
        taken.push_back(std::move(items_.front()));
        items_.pop_front();
        if (!pushers_.empty()) {
          wake.push_back(std::move(pushers_.front()));
          pushers_.pop_front();
        }
      }
    }
    for (Waker& waker : wake) waker();
    co_return taken;
  }
  void close() {
    std::deque<Waker> wake;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      wake.swap(poppers_);
      for (Waker& waker : pushers_) wake.push_back(std::move(waker));
      pushers_.clear();
    }
    for (Waker& waker : wake) waker();
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  static void wake_one(std::deque<Waker>& waiters, std::unique_lock<std::mutex>& lock) {
    if (waiters.empty()) return;
    Waker waker = std::move(waiters.front());
    waiters.pop_front();
    lock.unlock();
    waker();
  }
  template <class Ready>
  void enlist(std::deque<Waker>& waiters, Waker waker, Ready ready) {
    {
      std::lock_guard lock(mutex_);
      if (!ready()) {
        waiters.push_back(std::move(waker));
        return;
      }
    }
    waker();
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> items_;
  std::deque<Waker> poppers_, pushers_;
  bool closed_ = false;
};

// Owns background tasks. spawn() starts one, or refuses after stop(); stop() asks all to end through the token and waits until
// they have. Must be stopped before it is destroyed (checked).
class Scope {
 public:
  explicit Scope(Executor executor) : executor_(std::move(executor)) {}
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  bool spawn(Task<void> task);
  std::stop_token token() const { return stop_.get_token(); }
  Task<void> stop();
  size_t running() const;

 private:
  static Task<void> run(Scope* scope, Task<void> task);

  Executor executor_;
  std::stop_source stop_;
  mutable std::mutex mutex_;
  size_t running_ = 0;
  bool stopping_ = false;
  Event idle_;
};

}  // namespace forebay::async
