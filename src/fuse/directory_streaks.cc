#include "fuse/directory_streaks.h"

#include <algorithm>

namespace forebay::fuse {

bool DirectoryStreaks::is_enough(InodeId directory) const {
  std::lock_guard lock(mutex_);
  const auto found = streaks_.find(directory);
  return found != streaks_.end() && found->second == enough_;
}

void DirectoryStreaks::add(InodeId directory) {
  std::lock_guard lock(mutex_);
  if (streaks_.size() >= kMostDirectories && !streaks_.contains(directory)) streaks_.clear();
  uint32_t& streak = streaks_[directory];
  streak = std::min(streak + 1, enough_);
}

void DirectoryStreaks::end(InodeId directory) {
  std::lock_guard lock(mutex_);
  streaks_.erase(directory);
}

}  // namespace forebay::fuse
