#include "fuse/last_write_policy.h"

#include <algorithm>

namespace forebay::fuse {

bool LastWritePolicy::is_first_the_last(InodeId directory) const {
  std::lock_guard lock(mutex_);
  const auto found = single_.find(directory);
  return found != single_.end() && found->second == kSingleInARow;
}

void LastWritePolicy::made(InodeId directory, uint32_t writes) {
  std::lock_guard lock(mutex_);
  if (writes > 1) {
    single_.erase(directory);
    return;
  }
  if (writes == 0) return;
  if (single_.size() >= kMostDirectories && !single_.contains(directory)) single_.clear();
  uint32_t& row = single_[directory];
  row = std::min(row + 1, kSingleInARow);
}

}  // namespace forebay::fuse
