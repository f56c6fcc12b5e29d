// What has lost its last entry: kept while somebody has it open, then taken apart in bounded steps.
#pragma once

#include "master/namespace/inode.h"

namespace forebay::master {

inline constexpr size_t kReleaseAtOnce = 64;  // objects, and extended attributes, that an unlink frees itself

// The entry of a file is gone: one link less. The last one: gone at once if nothing has it open and its content is small,
// detached ("N") otherwise. Saves or erases the record.
Result<void> drop_link(MutationContext& context, InodeId inode, v1::InodeRecord& record);

// The entry of an empty directory is gone. Kept without links while somebody has it open.
Result<void> drop_directory(MutationContext& context, InodeId inode, v1::InodeRecord& record);

// Without links from now on: nothing new gets an entry there. For the background to take apart.
void detach(MutationContext& context, InodeId inode, v1::InodeRecord& record);

enum class Reclaimed {
  kDone,   // the inode is gone, "N" too
  kMore,   // call again
  kWaits,  // somebody has it open
};
// One step with a detached inode ("N"): frees up to `budget` objects of a file, or takes up to `budget` entries out of a
// directory (directories in it are detached in turn), or erases so many extended attributes. A mutation like any other; a crash
// between steps loses nothing.
Result<Reclaimed> reclaim_step(MutationContext& context, InodeId inode, size_t budget);

}  // namespace forebay::master
