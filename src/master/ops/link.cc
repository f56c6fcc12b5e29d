#include "master/namespace/entry.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {

Result<v1::AttrReply> link(MutationContext& context, const v1::LinkRequest& request) {
  InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  TRY(check_name(request.name()));
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find_entry(context.txn, parent.id, request.name()));
  TRY(check_may_add(context.caller, parent, existing));
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return rejected(EPERM, "directories have one name");
  if (!is_linked(record) && !record.linkable()) return rejected(ENOENT, "removed");
  if (record.nlink() >= kMaxLinks) return rejected(EMLINK, "too many links");
  if (!is_linked(record)) context.txn.erase(key::detached(inode));
  record.clear_linkable();
  record.set_nlink(record.nlink() + 1);
  record.set_ctime_ns(os::unix_nanos(context.now));
  ASSIGN_OR_RETURN(const uint64_t binding, bind_entry(context, parent.id, request.name(), inode, record));
  save_inode(context.txn, inode, record);
  TRY(add_entry(context, parent, request.name(), {inode, record.type(), binding}));
  save_inode(context.txn, parent.id, parent.record);
  return attr_reply(inode, record, parent);
}

}  // namespace forebay::master::ops
