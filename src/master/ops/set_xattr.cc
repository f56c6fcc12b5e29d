#include "master/namespace/xattr.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::AttrReply> set_xattr(MutationContext& context, const v1::SetXattrRequest& request) {
  TRY(check_xattr_name(request.name()));
  if (request.value().size() > kMaxXattrValue) return rejected(E2BIG, "value of more than 65,536 bytes");
  const InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  TRY(check_may_change_xattr(context.caller, record, request.name()));
  if (request.create() || request.replace()) {
    ASSIGN_OR_RETURN(const auto existing, find_xattr(context.txn, inode, request.name()));
    if (existing && request.create()) return rejected(EEXIST, "there is one");
    if (!existing && request.replace()) return rejected(ENODATA, "there is none");
  }
  TRY(put_xattr(context.txn, inode, record, request.name(), request.value()));
  record.set_ctime_ns(os::unix_nanos(context.now));
  save_inode(context.txn, inode, record);
  return attr_reply(inode, record);
}

}  // namespace forebay::master::ops
