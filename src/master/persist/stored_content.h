// Where a version's bytes are: in the cache, or at a key.
#pragma once

#include "master/persist/ledger.h"

namespace forebay::master {

// Every object of the version has a copy.
Result<bool> is_cached(const kv::Reader& reader, InodeId inode, Version version);

// A page of the extents of a sealed version that is the newest, or pinned. The size is the version's: its list ends before a
// hole.
Result<v1::Layout> version_layout(const kv::Reader& reader, InodeId inode, Version version, uint64_t size, uint64_t offset);

// A key that holds the version as far as we know: bound to a binding of the inode.
struct HeldAt {
  uint64_t mount;
  std::string key;
  v1::OwnContent content;
};
Result<std::optional<HeldAt>> held_at(Ledger& ledger, InodeId inode, Version version);

// The object at the key is all that is left of what a file, which somebody can still reach, is now.
Result<bool> is_only_copy(Ledger& ledger, uint64_t mount, std::string_view key, const v1::OwnContent& content);

// Takes the content of a version out of the cache, if it is clean, nobody uses it, and nothing is about to happen to it. False:
// not now.
Result<bool> evict(MutationContext& context, InodeId inode);

}  // namespace forebay::master
