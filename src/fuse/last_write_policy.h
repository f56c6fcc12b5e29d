// Which writes are worth a commit before the file is closed.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"

namespace forebay::fuse {

// Most small files are written once and closed at once. What close(2) waits for can begin while the program is on its way there:
// the commit of the first write, if that is the last one. Nobody says so; it is taken to be as with the files that were
// made in the same directory before: after kSingleInARow that were written once, until one is not. A wrong guess costs a commit
// that nobody waits for. Owned by the volume. Any thread. Limit: kMostDirectories are remembered; when there are more, all are
// forgotten.
class LastWritePolicy {
 public:
  static constexpr uint32_t kSingleInARow = 4;
  static constexpr size_t kMostDirectories = 4096;

  bool is_first_the_last(InodeId directory) const;
  void made(InodeId directory, uint32_t writes);  // a file that was created there has been closed after so many

 private:
  mutable std::mutex mutex_;
  std::unordered_map<InodeId, uint32_t> single_;  // so many in a row that were written once, at most kSingleInARow
};

}  // namespace forebay::fuse
