// Pages of a file's layout, as clients read them.
#pragma once

#include "base/units.h"
#include "master/extents/content.h"

namespace forebay::master {

inline constexpr size_t kLayoutPage = 1024;                  // extents
inline constexpr size_t kInlineInPage = 256 * kKiB;          // of inline content, or one object's
enum class InlineContent : uint8_t { kIncluded, kLeftOut };  // left out: the page ends for other reasons only

// Extents from the one that holds `offset` on, and where their objects are; what inline ones contain.
Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record, uint64_t offset,
                               InlineContent content = InlineContent::kIncluded);
// The same of a list, without size and layout number.
Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const ExtentList& list, uint64_t offset,
                               InlineContent content = InlineContent::kIncluded);

}  // namespace forebay::master
