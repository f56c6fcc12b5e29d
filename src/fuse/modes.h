// How the bytes of one open file travel. Decided per open, never changed while it is open.
#pragma once

#include <sys/types.h>

#include "base/ids.h"
#include "forebay/v1/common.pb.h"

namespace forebay::fuse {

enum class DataMode {
  kCached,       // through the daemon, with the kernel's page cache in between: mmap, readahead
  kDirect,       // through the daemon, nothing cached by the kernel
  kPassthrough,  // the kernel reads and writes a file of this host itself, without the daemon
  kBeside,       // as kDirect, of an inode that others have open by passthrough: what is mapped is their file
};

constexpr bool is_backed(DataMode mode) { return mode == DataMode::kPassthrough || mode == DataMode::kBeside; }

// What the decision is made from.
struct OpenFacts {
  int flags = 0;             // of open(2)
  bool page_cache = true;    // MountConfig::page_cache
  bool passthrough = false;  // the mount can
  ObjectId backing;          // that the file itself says it could be read from, or written to; none: through the daemon only
  bool backing_takes_writes = false;
};

// How the inode is open already, on this mount.
struct InodeOpens {
  size_t cached = 0, direct = 0, backed = 0;
  ObjectId backing;  // with `backed`
};

// The kernel's rules: while an inode is open by passthrough, each further open is, too, with the same file; while it is open with
// the page cache, none is. Otherwise it fails the open.
DataMode choose_data_mode(const OpenFacts& facts, const InodeOpens& open = {});

// Whether a file that begins empty with this open should be a file of this host's from its beginning.
bool wants_staging(const OpenFacts& facts);

}  // namespace forebay::fuse
