#include "master/namespace/permission.h"
#include "master/ops/ops.h"
#include "master/persist/blocks.h"
#include "master/persist/pinned.h"

namespace forebay::master::ops {

Result<v1::FreeReply> free(MutationContext& context, const v1::FreeRequest& request) {
  const InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.txn, inode));
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return rejected(EISDIR, "a directory");
  if (record.type() != v1::FILE_TYPE_REGULAR) return rejected(EINVAL, "only regular files have content to free");
  TRY(check_access(context.caller, record, kMayWrite));
  v1::FreeReply reply;
  if (record.stored_bytes() == 0 && !record.dirty()) return reply;
  if (!request.force()) {
    ASSIGN_OR_RETURN(const bool pinned, is_pinned_file(context.txn, inode, record));
    if (pinned) return rejected(EPERM, "pinned: unpin it, or free it by force");
  }
  ASSIGN_OR_RETURN(const Evicted evicted, evict(context, inode));
  if (!evicted.at_rest) {
    if (record.bindings() == 0) return rejected(EBUSY, "no mapping persists it: freeing it would lose it");
    return rejected(EBUSY, "its newest version is not in the under store yet, or it is in use");
  }
  reply.set_bytes(evicted.bytes);
  reply.set_more(evicted.more);
  return reply;
}

}  // namespace forebay::master::ops
