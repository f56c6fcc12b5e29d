#include "master/namespace/permission.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::AttrReply> set_pinned(MutationContext& context, const v1::SetPinnedRequest& request) {
  const InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  const bool has_content = record.type() == v1::FILE_TYPE_REGULAR || record.type() == v1::FILE_TYPE_DIRECTORY;
  if (!has_content) return rejected(EINVAL, "only files and directories are pinned");
  TRY(check_access(context.caller, record, kMayWrite));
  if (record.pinned() == request.pinned()) return attr_reply(inode, record);
  record.set_pinned(request.pinned());
  record.set_ctime_ns(os::unix_nanos(context.now));
  save_inode(context.txn, inode, record);
  return attr_reply(inode, record);
}

}  // namespace forebay::master::ops
