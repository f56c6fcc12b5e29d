// What the kernel's file handles stand for.
#pragma once

#include <atomic>
#include <memory>

#include "async/sync.h"
#include "client/client.h"
#include "fuse/dir_stream.h"
#include "fuse/modes.h"

namespace forebay::fuse {

// One open file: a handle number of the kernel is the address of one of these. Owned by the volume from the reply to OPEN or
// CREATE to the RELEASE, which the kernel sends after every other request on the handle was answered.
struct OpenFile {
  InodeId inode;
  DataMode mode;
  int32_t backing_id;  // of the inode's file in the kernel; 0: it goes through the daemon
  bool writable;
  bool append;
  std::unique_ptr<client::File> file;
  std::shared_ptr<os::File> backing;  // shared with the client; null: none
  InodeId made_in;                    // the directory that it was created in by this open; none: it was there
  std::atomic<uint64_t> written = 0;  // the end of what was written through the daemon
};

struct OpenDir {
  async::Mutex lock;  // requests on one open directory take turns: the stream has one position's pages
  DirStream stream;
};

}  // namespace forebay::fuse
