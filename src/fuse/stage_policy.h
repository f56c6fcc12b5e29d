// Which new files are worth a file of the worker's.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"

namespace forebay::fuse {

// A file that stays tiny costs less through the daemon, where its bytes wait for the close; nobody says at its creation how long
// it will be, and its way cannot be changed while it is open. So it is taken to be like those made in the same directory before:
// after kSmallInARow short ones the next is not staged, after a long one it is. Owned by the volume. Any thread. Limit:
// kMostDirectories are remembered; when there are more, all are forgotten.
class StagePolicy {
 public:
  static constexpr uint32_t kSmallInARow = 2;
  static constexpr size_t kMostDirectories = 4096;

  // `from`: a file of so many bytes is a long one; 0: every file is staged.
  explicit StagePolicy(uint64_t from) : from_(from) {}

  bool wants(InodeId directory) const;
  void made(InodeId directory, uint64_t bytes);  // a file that was created there has been closed

 private:
  const uint64_t from_;
  mutable std::mutex mutex_;
  std::unordered_map<InodeId, uint32_t> small_;  // so many short ones in a row, at most kSmallInARow
};

}  // namespace forebay::fuse
