// Which inode numbers belong to under stores.
#pragma once

#include "base/ids.h"

namespace forebay::client {

// The namespace counts inodes from 1: what has this bit is below a mount.
inline constexpr uint64_t kUnderBit = uint64_t{1} << 62;
inline bool is_under(InodeId inode) { return (inode.value & kUnderBit) != 0; }

}  // namespace forebay::client
