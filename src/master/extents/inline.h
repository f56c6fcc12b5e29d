// Content that the master keeps itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "master/operation.h"
#include "master/schema.h"

namespace forebay::master {

// An inline object is an object whose bytes are in the metadata ("J") and on no worker. It is sealed from its first moment;
// lists, versions, pins and compaction treat it like any other. So small files need no worker, and what is said about versions
// holds for them, too. It never leaves the cache and is never lost while the metadata is there.
inline constexpr size_t kMaxInlineContent = 64 * kKiB;  // of one object: a batch of the journal stays small with it

// A new inline object of the inode. `invalid`: no bytes, too many of them, or others than the checksum says.
Result<ObjectId> keep_inline(MutationContext& context, InodeId inode, std::string_view content, uint32_t crc32c);
// `corrupt` when they are not as many as the record says. The checksum is the reader's to compare.
Result<std::string> inline_content(const kv::Reader& reader, ObjectId object, const v1::ObjectRecord& record);
// The object's record goes by remove_object().
Result<void> erase_inline_content(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record);

// What is wrong with it, for fsck.
Result<void> check_inline_object(const kv::Reader& reader, ObjectId object, const v1::ObjectRecord& record,
                                 std::vector<std::string>& problems);

// Of all inline objects.
Result<uint64_t> inline_bytes(const kv::Reader& reader);

}  // namespace forebay::master
