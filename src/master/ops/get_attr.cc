#include "master/namespace/inode.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::AttrReply> get_attr(QueryContext& context, const v1::GetAttrRequest& request) {
  InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.reader, inode));
  return attr_reply(inode, record);
}

}  // namespace forebay::master::ops
