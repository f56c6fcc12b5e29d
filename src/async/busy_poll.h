// Whether a thread that has nothing to do looks on for a while before it sleeps.
#pragma once

#include <chrono>
#include <functional>

#include "base/units.h"

namespace forebay::async {

// A thread that sleeps between two messages of a conversation is woken up for each: 5 µs where a core only dozes, 35 µs where a
// hypervisor has to give it back. One that looks on answers at once, and burns a core. So it looks on for a bounded time after
// something has happened, and only where that pays and harms nobody: not while too many threads want to run for the CPUs that
// there are, nor when its own CPU is taken away meanwhile, nor when looks end in vain. After such bad news it sleeps as if it
// could do nothing else, for a pause that doubles with each, and is halved by a streak of looks that were worth it. An idle
// thread looks in vain four times, then at most four times a second. Who looks yields between two looks (async/loop.cc).
//
// Pure: time comes in, and so does what the CPUs do. Used by one thread.
class BusyPoll {
 public:
  using Clock = std::chrono::steady_clock;
  // `limit`: of one look; 0: never. `scarce`: whether too many threads want to run.
  explicit BusyPoll(Duration limit, std::function<bool()> scarce = cpus_are_scarce);

  bool begin(Clock::time_point now);  // after the last event was dealt with: is it worth a look?
  bool go_on(Clock::time_point now);  // nothing was there: another look? If not, the thread sleeps
  void found();                       // something was there, and has been dealt with; goes on with begin()

  // Of the system, from /proc/loadavg: about 2 µs. More threads want to run than there are CPUs and, besides those that look, one
  // that they wait for. True when it cannot be known.
  static bool cpus_are_scarce();

 private:
  bool bad_news(Clock::time_point now);  // false
  bool heed_others(Clock::time_point now);

  const Duration limit_;
  const std::function<bool()> scarce_;
  Clock::time_point began_, looked_, next_check_{}, paused_until_{};
  Duration pause_;
  int misses_ = 0, hits_ = 0;
};

}  // namespace forebay::async
