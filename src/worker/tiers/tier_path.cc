#include "worker/tiers/tier_path.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/units.h"

namespace forebay::worker {

TierPath::TierPath(std::string tier, const std::string& medium, std::string directory, uint64_t quota_bytes,
                   Watermarks watermarks)
    : tier_(std::move(tier)),
      directory_(std::move(directory)),
      is_memory_(medium == "MEM"),
      quota_bytes_(quota_bytes),
      watermarks_(watermarks) {}

Result<void> TierPath::charge(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (failure_) return rejected(EIO, "worker path '" + directory_ + "' has failed: " + failure_->message());
  if (used_bytes_ > quota_bytes_ || quota_bytes_ - used_bytes_ < bytes)
    return rejected(ENOSPC, "worker path '" + directory_ + "' has no room for " + format_size(bytes) + " within its quota of " +
                                format_size(quota_bytes_));
  used_bytes_ += bytes;
  if (medium_free_bytes_ != UINT64_MAX) medium_free_bytes_ -= std::min(medium_free_bytes_, bytes);
  return {};
}

void TierPath::charge_recovered(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  used_bytes_ += bytes;
}

void TierPath::release(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  FOREBAY_CHECK(bytes <= used_bytes_, "more space is returned to a path than was charged to it");
  used_bytes_ -= bytes;
  if (medium_free_bytes_ != UINT64_MAX) medium_free_bytes_ += bytes;
}

uint64_t TierPath::used_bytes() const {
  std::lock_guard lock(mutex_);
  return used_bytes_;
}

void TierPath::set_medium_free(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  medium_free_bytes_ = bytes;
}

uint64_t TierPath::available_bytes() const {
  std::lock_guard lock(mutex_);
  if (failure_ || used_bytes_ >= quota_bytes_) return 0;
  return std::min(quota_bytes_ - used_bytes_, medium_free_bytes_);
}

bool TierPath::is_quota_ample(uint64_t bytes) const {
  std::lock_guard lock(mutex_);
  return quota_bytes_ - std::min(used_bytes_, quota_bytes_) >= std::min(bytes, medium_free_bytes_);
}

uint64_t TierPath::surplus_bytes() {
  const bool is_below = takes_new_objects();
  std::lock_guard lock(mutex_);
  const auto low = static_cast<uint64_t>(static_cast<double>(quota_bytes_) * watermarks_.low);
  return is_below || failure_ || used_bytes_ <= low ? 0 : used_bytes_ - low;
}

bool TierPath::takes_new_objects() {
  std::lock_guard lock(mutex_);
  double share = static_cast<double>(used_bytes_) / static_cast<double>(std::max<uint64_t>(quota_bytes_, 1));
  if (share >= watermarks_.high) above_high_ = true;
  if (share <= watermarks_.low) above_high_ = false;
  return !failure_ && !above_high_;
}

bool TierPath::fail(const Status& cause) {
  std::lock_guard lock(mutex_);
  if (failure_) return false;
  failure_ = cause;
  return true;
}

bool TierPath::count_read_error() {
  std::lock_guard lock(mutex_);
  return ++read_errors_ >= kMaxReadErrors;
}

std::optional<Status> TierPath::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace forebay::worker
