// A cap on bandwidth.
#pragma once

#include <cstdint>
#include <stop_token>

#include "async/task.h"
#include "os/clock.h"

namespace forebay::worker {

// Lets through so many bytes a second, first come, first served; after a pause at most a quarter of a second's worth at once. 0
// is no cap. On one executor; the clock outlives it.
class TokenBucket {
 public:
  TokenBucket(os::Clock& clock, uint64_t bytes_per_second) : clock_(clock), rate_(bytes_per_second) {}
  // Waits until `bytes` may go; false: the token ended the wait.
  Task<bool> take(uint64_t bytes, std::stop_token stop);

 private:
  os::Clock& clock_;
  const uint64_t rate_;
  os::Instant next_{};  // when what was taken so far has gone through
};

}  // namespace forebay::worker
