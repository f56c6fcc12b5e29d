// Is something kept in the cache because somebody said so?
#pragma once

#include "master/namespace/inode.h"

namespace forebay::master {

// A file that is pinned itself, or lies, by one of its bound names, below a directory that is. Only what has a binding can leave
// the cache at all.
Result<bool> is_pinned_file(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record);

}  // namespace forebay::master
