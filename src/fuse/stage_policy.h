// Which new files are worth a file of the worker's.
#pragma once

#include "fuse/directory_streaks.h"

namespace forebay::fuse {

// A file that stays tiny costs less through the daemon, where its bytes wait for the close, and its way cannot be changed while
// it is open. So it is taken to be like those made in the same directory before: after kSmallInARow short ones the next is not
// staged, after a long one it is. Owned by the volume. Any thread. Limit: that of DirectoryStreaks.
class StagePolicy {
 public:
  static constexpr uint32_t kSmallInARow = 2;

  // `from`: a file of so many bytes is a long one; 0: every file is staged.
  explicit StagePolicy(uint64_t from) : from_(from) {}

  bool wants(InodeId directory) const { return !small_.is_enough(directory); }
  // A file that was created there has been closed.
  void made(InodeId directory, uint64_t bytes) {
    if (bytes < from_)
      small_.add(directory);
    else
      small_.end(directory);
  }

 private:
  const uint64_t from_;
  DirectoryStreaks small_{kSmallInARow};
};

}  // namespace forebay::fuse
