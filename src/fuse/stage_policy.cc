#include "fuse/stage_policy.h"

#include <algorithm>

namespace forebay::fuse {

bool StagePolicy::wants(InodeId directory) const {
  if (from_ == 0) return true;
  std::lock_guard lock(mutex_);
  auto found = small_.find(directory);
  return found == small_.end() || found->second < kSmallInARow;
}

void StagePolicy::made(InodeId directory, uint64_t bytes) {
  if (from_ == 0) return;
  std::lock_guard lock(mutex_);
  if (bytes >= from_) {
    small_.erase(directory);
    return;
  }
  if (small_.size() >= kMostDirectories && !small_.contains(directory)) small_.clear();
  uint32_t& row = small_[directory];
  row = std::min(row + 1, kSmallInARow);
}

}  // namespace forebay::fuse
