#include "master/namespace/xattr.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::GetXattrReply> get_xattr(QueryContext& context, const v1::GetXattrRequest& request) {
  TRY(check_xattr_name(request.name()));
  const InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.reader, inode));
  TRY(check_may_read_xattr(context.caller, record, request.name()));
  ASSIGN_OR_RETURN(std::optional<std::string> value, find_xattr(context.reader, inode, request.name()));
  if (!value) return rejected(ENODATA, "there is none");
  v1::GetXattrReply reply;
  reply.set_value(*std::move(value));
  return reply;
}

}  // namespace forebay::master::ops
