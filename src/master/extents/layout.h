// Pages of a file's layout, as clients read them.
#pragma once

#include "master/extents/content.h"

namespace forebay::master {

inline constexpr size_t kLayoutPage = 1024;  // extents

// Extents from the one that holds `offset` on, and where their objects are.
Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record, uint64_t offset);
// The same of a list, without size and layout number.
Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const ExtentList& list, uint64_t offset);

}  // namespace forebay::master
