// Versions that an operation of the under store reads: kept until it ends, whatever happens to their file.
#pragma once

#include <vector>

#include "master/namespace/inode.h"

namespace forebay::master {

// Sealed versions are immutable, but only the newest one is kept otherwise. A pin keeps a version's list and objects, and its
// inode.
void pin(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, Version version, uint64_t operation);
// Frees what only this pin has kept. Saves the record.
Result<void> unpin(MutationContext& context, InodeId inode, Version version, uint64_t operation);

Result<bool> is_pinned(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record, Version version);
Result<std::vector<Version>> pinned_versions(const kv::Reader& reader, InodeId inode);  // ascending, each once

}  // namespace forebay::master
