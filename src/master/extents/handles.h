// Handles: opens for write. Journaled; they end by a commit with `close`, or when their session does.
#pragma once

#include "master/extents/content.h"
#include "master/operation.h"

namespace forebay::master {

inline constexpr int kMaxGranted = 256;  // objects that one handle may have unsealed

struct WriteHandle {
  HandleId id;
  InodeId inode;
  v1::HandleRecord record;
};

// Of the caller's session. Counts in `inode`, whose record the caller of this function saves.
Result<WriteHandle> open_write_handle(MutationContext& context, InodeId inode, v1::InodeRecord& record,
                                      v1::Durability durability);
void save_handle(kv::Txn& txn, const WriteHandle& handle);

// `stale` when the caller's session has no such handle (any more).
Result<WriteHandle> find_write_handle(const kv::Reader& reader, const Caller& caller, HandleId handle);

// Grants one more object to the handle; the caller saves the handle.
Result<v1::Grant> grant_to(MutationContext& context, WriteHandle& handle, const v1::Placement& wanted);

// Ends the handle inside a larger change: its objects that are acknowledged in part get the duty to be sealed at that length, the
// others go; the writer is not counted any more. `edit` is of this inode and record, and is finished by the caller.
Result<void> end_write_handle(MutationContext& context, const WriteHandle& handle, v1::InodeRecord& record, ContentEdit& edit);

// The whole of it, for a session that has ended: the last handle of a dirty inode seals a new version. Unknown ones are no error.
Result<void> close_handle(MutationContext& context, InodeId inode, HandleId handle);

// The inode is cut at `size`: so are the staged objects that are being written to it.
Result<void> cut_staged_objects(kv::Txn& txn, InodeId inode, uint64_t size);
// Whether bytes of the file are in an object that changes while it is open.
Result<bool> is_being_staged(const kv::Reader& reader, InodeId inode);

// Unsealed objects of all handles of the inode, ascending.
Result<ObjectIds> granted_objects(const kv::Reader& reader, InodeId inode);

}  // namespace forebay::master
