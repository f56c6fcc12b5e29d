// Whether a thread that has nothing to do looks on for a while before it sleeps.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "base/units.h"

namespace forebay::async {

// A thread that sleeps between two messages of a conversation is woken up for each: 5 µs where a core only dozes, 35 µs where a
// hypervisor has to give it back. One that looks on answers at once, and burns a core. So it looks on for a bounded time after
// something has happened, and only where that pays and harms nobody: not while too many threads want to run for the CPUs that
// there are, nor when its own CPU is taken away meanwhile, nor when looks end in vain. After such bad news it sleeps as if it
// could do nothing else, for a pause that doubles with each, and is halved by a streak of looks that were worth it. An idle
// thread looks in vain four times, then at most four times a second. Between two looks it gives way to whoever else wants its
// CPU.
//
// Pure: time comes in, and so do the CPUs. Used by one thread.
class BusyPoll {
 public:
  using Clock = std::chrono::steady_clock;
  struct Cpus {
    std::function<bool()> are_scarce;  // too many threads want to run
    std::function<void()> give_way;    // whoever else wants this CPU has it first
  };
  // `limit`: of one look; 0: never.
  explicit BusyPoll(Duration limit, Cpus cpus = real_cpus());

  bool begin(Clock::time_point now);  // after the last event was dealt with: is it worth a look?
  bool go_on(Clock::time_point now);  // nothing was there: another look? Then it has given way. If not, the thread sleeps
  void found();                       // something was there, and has been dealt with; goes on with begin()

  // Those of the system: asked in /proc/loadavg, about 2 µs, and sched_yield(2).
  static Cpus real_cpus();
  // What /proc/loadavg says: more threads want to run than there are CPUs and, besides those that look, one that they wait for.
  // True when it cannot be known.
  static bool too_many_run(std::string_view loadavg, long cpus);

 private:
  bool bad_news(Clock::time_point now);  // false
  bool heed_others(Clock::time_point now);

  const Duration limit_;
  const Cpus cpus_;
  Clock::time_point began_, looked_, next_check_{}, paused_until_{};
  Duration pause_;
  int misses_ = 0, hits_ = 0;
};

}  // namespace forebay::async
