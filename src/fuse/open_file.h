// What the kernel's file handles stand for.
#pragma once

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
  bool writable;
  bool append;
  std::unique_ptr<client::File> file;
};

struct OpenDir {
  async::Mutex lock;  // requests on one open directory take turns: the stream has one position's pages
  DirStream stream;
};

}  // namespace forebay::fuse
