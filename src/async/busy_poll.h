// Whether a thread that has nothing to do looks on for a while before it sleeps.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "base/units.h"

namespace forebay::async {

// A thread that sleeps between two messages of a conversation is woken up for each: 5 µs where a core only dozes, 35 µs where a
// hypervisor has to give it back. One that looks on answers at once, and burns a core. So it looks on for a bounded time after
// something has happened, and only where that pays and harms nobody. It sleeps as if it could do nothing else
// - for 5 ms when too many threads want to run for the CPUs that there are;
// - for a pause that doubles each time, to 4 ms, when its own CPU was taken away during a look;
// - for another such pause, to 256 ms, when looks end in vain. A sleeping thread learns whether looks would pay: one that is
// woken up soon
//   so many times in a row tries again at once, because a conversation has begun; twice as many each time that this was wrong.
// A streak of looks that were worth it halves both pauses, and all is well again. An idle thread looks in vain four times, then
// at most four times a second. Between two looks it gives way to whoever else wants its CPU.
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
  void woken(Clock::time_point now);  // the thread slept after begin() or go_on() said no, and something is there

  // Those of the system: asked in /proc/loadavg, about 2 µs, and sched_yield(2).
  static Cpus real_cpus();
  // What /proc/loadavg says: more threads want to run than there are CPUs and, besides those that look, one that they wait for.
  // True when it cannot be known.
  static bool too_many_run(std::string_view loadavg, long cpus);

 private:
  bool pause(Clock::time_point now, Duration& next, Duration most);  // false: a pause begins, and the one after it will be longer
  bool heed_others(Clock::time_point now);

  const Duration limit_;
  const Cpus cpus_;
  // Since when there has been nothing to do, the last look, when to ask about the others again, the end of the pause.
  Clock::time_point idle_since_, looked_, next_check_{}, paused_until_{};
  Duration after_loss_, after_misses_;  // the next pauses
  bool for_misses_ = false;             // the present pause, or the last one
  bool early_ = false;                  // it was cut short, and nothing has been found since
  int misses_ = 0, hits_ = 0, soon_ = 0, wanted_;
};

}  // namespace forebay::async
