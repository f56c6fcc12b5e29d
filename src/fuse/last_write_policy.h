// Which writes are worth a commit before the file is closed.
#pragma once

#include "fuse/directory_streaks.h"

namespace forebay::fuse {

// Most small files are written once and closed at once. What close(2) waits for can begin while the program is on its way there:
// the commit of the first write, if that is the last one. It is taken to be as with the files that were made in the same
// directory before: after kSingleInARow that were written once, until one is not. A wrong guess costs a commit that nobody waits
// for. Owned by the volume. Any thread. Limit: that of DirectoryStreaks.
class LastWritePolicy {
 public:
  static constexpr uint32_t kSingleInARow = 4;

  bool is_first_the_last(InodeId directory) const { return single_.is_enough(directory); }
  // A file that was created there has been closed after so many; one that was not written at all says nothing.
  void made(InodeId directory, uint32_t writes) {
    if (writes == 1) single_.add(directory);
    if (writes > 1) single_.end(directory);
  }

 private:
  DirectoryStreaks single_{kSingleInARow};
};

}  // namespace forebay::fuse
