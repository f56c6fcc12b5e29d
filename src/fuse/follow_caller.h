// Where the thread that serves a mount's small requests runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/units.h"

namespace forebay::fuse {

// A program that makes small files waits for the mount at each step, and the mount for it: never do both run. On one CPU they
// hand over to each other without anybody being woken up on another one, which on a virtual machine costs an exit from the
// hypervisor each way, 20 to 40 µs of a step that takes 10. The scheduler does not bring them together, because the mount looks
// on between two requests (async::BusyPoll) and so never seems to wait. So the mount goes to where the program is: when kInARow
// small requests have come, each soon after the one before, and the thread that made the last one is on another CPU. How often it
// looks is bounded by pauses, which grow while the two are found apart again and again: then somebody moves one of them away for
// a reason (decision 35).
//
// Pure: time, requests and CPUs come in. Used by the thread that receives requests.
class FollowCaller {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kInARow = 32;
  static constexpr Duration kSoon = std::chrono::microseconds(500);  // after the request before
  static constexpr size_t kSmall = 64 << 10;                         // bytes moved: more are worth a CPU of their own
  static constexpr Duration kLeastPause = std::chrono::milliseconds(2), kMostPause = std::chrono::milliseconds(16);

  struct Cpus {
    std::function<int(pid_t thread)> of;  // where it runs, or ran last; -1: not known
    std::function<int()> own;
    std::function<void(int cpu)> move_to;  // this thread, once; it may be moved again by whoever likes to
  };
  explicit FollowCaller(Cpus cpus = real_cpus()) : cpus_(std::move(cpus)) {}

  // A request that somebody waits for has been received, and is served next. `thread`: who; 0: not known. `moves`: bytes of it or
  // of its answer.
  void took(Clock::time_point now, pid_t thread, size_t moves);

  // Those of the system: /proc/THREAD/stat, about 15 µs, and sched_setaffinity(2).
  static Cpus real_cpus();

 private:
  void look(Clock::time_point now, pid_t thread);

  const Cpus cpus_;
  int in_a_row_ = 0;
  bool moved_ = false;  // at the last look
  Clock::time_point last_{}, next_look_{};
  Duration pause_ = kLeastPause;
};

}  // namespace forebay::fuse
