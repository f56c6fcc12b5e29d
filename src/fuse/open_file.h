// What the kernel's file handles stand for.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>

#include "async/sync.h"
#include "base/units.h"
#include "client/client.h"
#include "fuse/dir_stream.h"
#include "fuse/modes.h"

namespace forebay::fuse {

inline constexpr uint64_t kSmallFileBytes = 64 * kKiB;  // of what a master keeps itself, the most by default

// One open file: a handle number of the kernel is the address of one of these. Owned by the volume from the reply to OPEN or
// CREATE to the RELEASE, which the kernel sends after every other request on the handle was answered.
struct OpenFile {
  InodeId inode;
  DataMode mode;
  int32_t backing_id;  // of the inode's file in the kernel; 0: it goes through the daemon
  bool writable;
  bool append;
  std::shared_ptr<client::File> file;  // shared with a commit that nobody waits for
  std::shared_ptr<os::File> backing;   // shared with the client; null: none
  uint64_t opened_size;                // in bytes; 0 if it was made by this open
  InodeId made_in;                     // the directory that it was created in by this open; none: it was there
  std::atomic<uint64_t> written = 0;   // the end of what was written through the daemon
  std::atomic<uint32_t> writes = 0;    // so many requests

  // So few bytes up to `end`, and as far as this handle knows, that they are in memory here or at the master: no disk is waited
  // for.
  bool is_small(uint64_t end = 0) const { return std::max({opened_size, written.load(), end}) <= kSmallFileBytes; }
};

struct OpenDir {
  async::Mutex lock;  // requests on one open directory take turns: the stream has one position's pages
  DirStream stream;
};

}  // namespace forebay::fuse
