#include "master/namespace/entry.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {

Result<v1::UnlinkReply> unlink(MutationContext& context, const v1::UnlinkRequest& request) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  ASSIGN_OR_RETURN(Entry entry, existing_entry(context.txn, parent.id, request.name()));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, entry.inode));
  TRY(check_may_remove(context.caller, parent, record));
  if (entry.type == v1::FILE_TYPE_DIRECTORY) return rejected(EISDIR, "a directory");
  remove_entry(context, parent, request.name(), entry.type);
  save_inode(context.txn, parent.id, parent.record);
  v1::UnlinkReply reply;
  reply.set_inode(entry.inode.value);
  reply.set_nlink(record.nlink() - 1);
  *reply.mutable_parent() = attr_of(parent.id, parent.record);
  TRY(entry_removed(context, entry, record));
  TRY(drop_link(context, entry.inode, record));
  return reply;
}

}  // namespace forebay::master::ops
