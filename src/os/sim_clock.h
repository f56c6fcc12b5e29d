// Clock of one simulated process.
#pragma once

#include "os/clock.h"
#include "os/sim_random.h"
#include "os/virtual_time.h"

namespace forebay::os {

// How wrong a clock is. `drift_ppm`: parts per million by which it runs too fast (negative: too slow).
struct ClockSkew {
  Duration wall_offset{0};
  int64_t drift_ppm = 0;
};

// Shows virtual time with a skew. A sleeper wakes up to `jitter` late, drawn from the seed, so that equal deadlines of several
// processes do not always come in the same order. One thread; `time` outlives it.
class SimClock final : public Clock {
 public:
  SimClock(VirtualTime& time, ClockSkew skew, Duration jitter, SimRandom random);

  Instant now() const override;
  WallTime wall_now() const override;
  Task<bool> sleep_until(Instant when, std::stop_token stop) override;

 private:
  Instant true_time_of(Instant local) const;  // the first moment at which now() is not before `local`

  VirtualTime& time_;
  const ClockSkew skew_;
  const Duration jitter_;
  SimRandom random_;
};

}  // namespace forebay::os
