// A cap on bandwidth.
#pragma once

#include <cstdint>
#include <stop_token>

#include "async/task.h"
#include "os/clock.h"

namespace forebay::worker {

// Lets through so many bytes a second, first come, first served; after a pause at most as much at once as is due in `burst`. 0
// is no cap. On one executor; the clock outlives it.
class TokenBucket {
 public:
  TokenBucket(os::Clock& clock, uint64_t bytes_per_second, Duration burst = std::chrono::milliseconds(250))
      : clock_(clock), rate_(bytes_per_second), burst_(burst) {}
  // Waits until `bytes` may go; false: the token ended the wait.
  Task<bool> take(uint64_t bytes, std::stop_token stop);

 private:
  os::Clock& clock_;
  const uint64_t rate_;
  const Duration burst_;
  os::Instant next_{};  // when what was taken so far has gone through
};

}  // namespace forebay::worker
