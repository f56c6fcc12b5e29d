// How the bytes of one open file travel. Decided per open, never changed while it is open.
#pragma once

#include "forebay/v1/common.pb.h"

namespace forebay::fuse {

enum class DataMode {
  kCached,  // through the daemon, with the kernel's page cache in between: mmap, readahead
  kDirect,  // through the daemon, nothing cached by the kernel
};

// What the decision is made from.
struct OpenFacts {
  int flags = 0;           // of open(2)
  bool page_cache = true;  // MountConfig::page_cache
};

DataMode choose_data_mode(const OpenFacts& facts);

}  // namespace forebay::fuse
