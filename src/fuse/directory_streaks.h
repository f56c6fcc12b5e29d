// What the files made last in a directory have in common.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"

namespace forebay::fuse {

// Counts for each directory how many of the files made there last, in a row, were of one kind, up to as many as are enough to
// expect another: nobody says what a new file will be, and those of one directory are alike. Owned by a policy. Any thread.
// Limit: kMostDirectories are remembered; when there are more, all are forgotten.
class DirectoryStreaks {
 public:
  static constexpr size_t kMostDirectories = 4096;

  explicit DirectoryStreaks(uint32_t enough) : enough_(enough) {}

  bool is_enough(InodeId directory) const;
  void add(InodeId directory);  // one of the kind
  void end(InodeId directory);  // one of another

 private:
  const uint32_t enough_;
  mutable std::mutex mutex_;
  std::unordered_map<InodeId, uint32_t> streaks_;  // at most enough_
};

}  // namespace forebay::fuse
