// Entries that somebody gave a time to live.
#pragma once

#include <string_view>
#include <vector>

#include "master/namespace/inode.h"

namespace forebay::master {

// At most one for each inode: the record says when it is due, the index has them in the order of time. Neither saves the inode's
// record. An inode that goes earlier leaves its index entry behind until then.
void begin_ttl(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, int64_t due_ns, const v1::TtlRecord& ttl);
void end_ttl(kv::Txn& txn, InodeId inode, v1::InodeRecord& record);

// The entry moves, and its time to live with it; that of another name of the file stays where it is.
Result<void> ttl_moved(kv::Txn& txn, InodeId inode, const v1::InodeRecord& record, InodeId from, std::string_view old_name,
                       InodeId to, std::string_view new_name);

struct DueTtl {
  int64_t due_ns;
  InodeId inode;
};
// Those that are due, in the order of time, at most so many.
Result<std::vector<DueTtl>> due_ttls(const kv::Reader& reader, int64_t now_ns, size_t most);

// Removes the entry, a directory with all that is below, or frees the file. What cannot be freed now (dirty, in use, pinned) is
// tried again a minute later; what is not there under this name any more, or may not be removed, is left alone. As the superuser,
// whatever `context` says: who set it was asked then.
Result<void> expire(MutationContext& context, const DueTtl& due);

}  // namespace forebay::master
