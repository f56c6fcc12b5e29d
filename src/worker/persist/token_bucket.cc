#include "worker/persist/token_bucket.h"

#include <algorithm>

namespace forebay::worker {

Task<bool> TokenBucket::take(uint64_t bytes, std::stop_token stop) {
  if (rate_ == 0) co_return !stop.stop_requested();
  const os::Instant now = clock_.now();
  const os::Instant begins = std::max(next_, now - burst_);
  const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
  next_ = begins + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  if (next_ <= now) co_return !stop.stop_requested();
  co_return co_await clock_.sleep_until(next_, stop);
}

}  // namespace forebay::worker
