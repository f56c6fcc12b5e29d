// Lets calls wait for what is committed next.
#pragma once

#include <mutex>
#include <stop_token>

#include "async/task.h"
#include "os/clock.h"

namespace forebay::master {

// Whoever finds nothing to answer with takes changed() before it looks, and waits for that. Owned by a queue, whose store and
// clock outlive it. Any thread. A wait holds nothing but its coroutine; stop() ends all of them, and those to come.
class News {
 public:
  explicit News(os::Clock& clock) : clock_(clock) {}

  void raise();
  void stop();
  std::stop_token changed() const;
  // Until there is news, `due_ns` (unix; 0: never), `until`, or the caller is gone. False: there is no use in looking again.
  static Task<bool> wait(const News* news, std::stop_token changed, int64_t due_ns, os::Instant until, std::stop_token abandoned);

 private:
  os::Clock& clock_;
  mutable std::mutex mutex_;
  std::stop_source changed_;  // under mutex_; a new one after each change
  bool stopped_ = false;      // under mutex_
};

}  // namespace forebay::master
