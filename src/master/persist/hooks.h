// What namespace operations add to their batch, so that the under store comes to follow. Each is called by the operation that it
// names, and reads nothing while there is neither a mapping nor a binding.
#pragma once

#include "master/namespace/entry.h"

namespace forebay::master {

// A regular file is about to get this entry. The entry's binding, or 0; counted in `record`, whose saving is the caller's. What
// is sealed already is to be persisted under this name as well.
Result<uint64_t> bind_entry(MutationContext& context, InodeId directory, std::string_view name, InodeId inode,
                            v1::InodeRecord& record);

// The entry of a regular file moves to another place. `entry` and `record` are changed; saving them is the caller's.
Result<void> entry_moved(MutationContext& context, Entry& entry, v1::InodeRecord& record, InodeId to, std::string_view name);

// The entry of a regular file goes: removed, or replaced by another. `record` as above.
Result<void> entry_removed(MutationContext& context, const Entry& entry, v1::InodeRecord& record);

// `record.version` has been sealed.
Result<void> version_sealed(MutationContext& context, InodeId inode, const v1::InodeRecord& record);

// Mode, owner or times: written by themselves where the store keeps them, carried in the next upload elsewhere. `record` is
// saved.
Result<void> attributes_changed(MutationContext& context, InodeId inode, const v1::InodeRecord& record);

// A directory got this name.
Result<void> directory_named(MutationContext& context, InodeId parent, std::string_view name);
// A directory lost it. EBUSY of its own: see check_may_leave.
Result<void> directory_left(MutationContext& context, InodeId parent, std::string_view name);
// A directory, with what is below it, has moved. Its record is saved.
Result<void> directory_moved(MutationContext& context, InodeId directory, InodeId from, std::string_view old_name, InodeId to,
                             std::string_view new_name);
// `rejected` EBUSY: the directory is mapped, or holds one that is; the mapping has to be changed first.
Result<void> check_may_leave(MutationContext& context, InodeId directory);

}  // namespace forebay::master
