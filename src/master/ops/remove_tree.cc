#include "master/namespace/entry.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {

Result<v1::Empty> remove_tree(MutationContext& context, const v1::RemoveTreeRequest& request) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  ASSIGN_OR_RETURN(Entry entry, existing_entry(context.txn, parent.id, request.name()));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, entry.inode));
  TRY(check_may_remove(context.caller, parent, record));
  bool is_directory = entry.type == v1::FILE_TYPE_DIRECTORY;
  if (is_directory && record.size() != 0 && !owns(context.caller, record)) return rejected(EPERM, "another owner's tree");
  if (is_directory) {
    TRY(check_may_leave(context, entry.inode));
    TRY(check_names_free(context, entry.inode));
    TRY(directory_left(context, parent.id, request.name()));
  }
  remove_entry(context, parent, request.name(), entry.type);
  save_inode(context.txn, parent.id, parent.record);
  if (!is_directory) {
    TRY(entry_removed(context, entry, record));
    TRY(drop_link(context, entry.inode, record));
  } else if (record.size() == 0) {
    TRY(drop_directory(context, entry.inode, record));
  } else {
    record.set_ctime_ns(os::unix_nanos(context.now));
    detach(context, entry.inode, record);
  }
  return v1::Empty{};
}

}  // namespace forebay::master::ops
