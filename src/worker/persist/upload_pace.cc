#include "worker/persist/upload_pace.h"

#include <algorithm>
#include <utility>

namespace forebay::worker {

Task<bool> UploadPace::take(uint64_t bytes, std::stop_token stop) {
  if (!is_slowed()) co_return !stop.stop_requested();
  co_return co_await bucket_.take(bytes, std::move(stop));
}

bool UploadPace::is_slowed() const {
  if (!is_on_ || !writers_->are_active()) return false;
  return std::ranges::all_of(objects_.usage(), [](const TierUsage& tier) { return tier.surplus_bytes == 0; });
}

}  // namespace forebay::worker
