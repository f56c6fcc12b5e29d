#include "master/namespace/xattr.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

// Who can reach an inode may see the names, as in Linux.
Result<v1::ListXattrsReply> list_xattrs(QueryContext& context, const v1::ListXattrsRequest& request) {
  const InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.reader, inode));
  v1::ListXattrsReply reply;
  if (record.xattr_name_bytes() == 0) return reply;
  ASSIGN_OR_RETURN(std::vector<std::string> names, xattr_names(context.reader, inode));
  for (std::string& name : names) {
    if (shows_xattr(context.caller, name)) reply.add_names(std::move(name));
  }
  return reply;
}

}  // namespace forebay::master::ops
