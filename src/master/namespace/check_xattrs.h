// The part of the checks that is about extended attributes.
#pragma once

#include "master/namespace/inode.h"

namespace forebay::master {

// Extended attributes against the inode that counts them, and one of them against its inode. What is wrong is added to
// `problems`.
Result<void> check_xattrs(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record,
                          std::vector<std::string>& problems);
Result<void> check_xattr(const kv::Reader& reader, std::string_view key, std::string_view value,
                         std::vector<std::string>& problems);

}  // namespace forebay::master
