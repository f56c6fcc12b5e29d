#include "master/namespace/entry.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {

Result<v1::RemoveDirReply> remove_dir(MutationContext& context, const v1::RemoveDirRequest& request) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  ASSIGN_OR_RETURN(Entry entry, existing_entry(context.txn, parent.id, request.name()));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, entry.inode));
  TRY(check_may_remove(context.caller, parent, record));
  if (entry.type != v1::FILE_TYPE_DIRECTORY) return rejected(ENOTDIR, "not a directory");
  if (record.size() != 0) return rejected(ENOTEMPTY, "not empty");
  TRY(check_may_leave(context, entry.inode));
  TRY(check_names_free(context, entry.inode));
  TRY(directory_left(context, parent.id, request.name()));
  remove_entry(context, parent, request.name(), entry.type);
  save_inode(context.txn, parent.id, parent.record);
  TRY(drop_directory(context, entry.inode, record));
  v1::RemoveDirReply reply;
  reply.set_inode(entry.inode.value);
  *reply.mutable_parent() = attr_of(parent.id, parent.record);
  return reply;
}

}  // namespace forebay::master::ops
