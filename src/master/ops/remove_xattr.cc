#include "master/namespace/xattr.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::AttrReply> remove_xattr(MutationContext& context, const v1::RemoveXattrRequest& request) {
  TRY(check_xattr_name(request.name()));
  const InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  TRY(check_may_change_xattr(context.caller, record, request.name()));
  ASSIGN_OR_RETURN(const bool erased, erase_xattr(context.txn, inode, record, request.name()));
  if (!erased) return rejected(ENODATA, "there is none");
  record.set_ctime_ns(os::unix_nanos(context.now));
  save_inode(context.txn, inode, record);
  return attr_reply(inode, record);
}

}  // namespace forebay::master::ops
