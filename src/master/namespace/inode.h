// Inode records: reading, writing, making, and how they look to a client.
#pragma once

#include <cstdint>

#include "master/operation.h"
#include "master/schema.h"

namespace forebay::master {

inline constexpr uint64_t kMaxFileSize = INT64_MAX;  // off_t's; beyond it EFBIG
inline constexpr uint32_t kSetUid = 04000, kSetGid = 02000, kSticky = 01000, kGroupExecute = 010;

// An inode that is gone is `rejected` ESTALE, not ENOENT: the kernel then looks the name up again instead of failing the call.
Result<v1::InodeRecord> load_inode(const kv::Reader& reader, InodeId inode);
void save_inode(kv::Txn& txn, InodeId inode, const v1::InodeRecord& record);
Result<void> erase_inode(MutationContext& context, InodeId inode);  // and counts it

v1::Attr attr_of(InodeId inode, const v1::InodeRecord& record);
inline v1::AttrReply attr_reply(InodeId inode, const v1::InodeRecord& record) {
  v1::AttrReply reply;
  *reply.mutable_attr() = attr_of(inode, record);
  return reply;
}

struct NewInode {
  InodeId id;
  v1::InodeRecord record;
};
// With the caller as owner, the group as the parent's setgid bit says, and all times now. Not saved yet; counted.
Result<NewInode> new_inode(MutationContext& context, const v1::InodeRecord& parent, v1::FileType type, uint32_t mode);

// Number of inodes that exist, removed ones that wait for their space included.
Result<uint64_t> inode_count(const kv::Reader& reader);

// The root directory of an empty store: owned by root, mode 0755.
void format_namespace(kv::Txn& txn, os::WallTime now);

// Has an entry somewhere (a directory that was removed and is still open has none).
inline bool is_linked(const v1::InodeRecord& record) { return record.nlink() != 0; }

}  // namespace forebay::master
