// Where a version's bytes are: in the cache, or at a key.
#pragma once

#include "master/extents/layout.h"
#include "master/persist/ledger.h"

namespace forebay::master {

// Every object of the version has a copy.
Result<bool> is_cached(const kv::Reader& reader, InodeId inode, Version version);

// A page of the extents of a sealed version that is the newest, or pinned. The size is the version's: its list ends before a
// hole.
Result<v1::Layout> version_layout(const kv::Reader& reader, InodeId inode, Version version, uint64_t size, uint64_t offset,
                                  InlineContent content = InlineContent::kIncluded);

// A key that holds the version as far as we know: bound to a binding of the inode.
struct HeldAt {
  uint64_t mount;
  std::string key;
  v1::OwnContent content;
};
Result<std::optional<HeldAt>> held_at(Ledger& ledger, InodeId inode, Version version);

// The same of a block; none: it is not one, or its version is nowhere.
Result<std::optional<HeldAt>> held_block(Ledger& ledger, const v1::ObjectRecord& object);

// Where the bytes of the newest sealed version that no worker has can be had; what was lost there becomes blocks first. None:
// nothing is missing, or some of it is nowhere.
Result<std::optional<HeldAt>> source_of_missing(Ledger& ledger, InodeId inode);

// The object at the key is all that is left of bytes that a file shows, which somebody can still reach: of its newest version, or
// of what of an older one later versions, or a writer at work, have left as it was.
Result<bool> is_only_copy(Ledger& ledger, uint64_t mount, std::string_view key, const v1::OwnContent& content);

}  // namespace forebay::master
