// Seam: time.
#pragma once

#include <chrono>
#include <stop_token>

#include "async/task.h"
#include "base/units.h"

namespace forebay::os {

using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;   // monotonic, for deadlines and intervals
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;  // since 1970 UTC, for what users see

// Any thread. The real clock, or the simulation's virtual one.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  // Resumes the caller on its executor at or after `when`; false when the token ended the sleep early.
  virtual Task<bool> sleep_until(Instant when, std::stop_token stop) = 0;

  Task<bool> sleep(Duration duration, std::stop_token stop) { return sleep_until(now() + duration, std::move(stop)); }
};

Clock& real_clock();

inline int64_t unix_nanos(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_unix_nanos(int64_t nanos) { return WallTime(Duration(nanos)); }

}  // namespace forebay::os
