#include "master/extents/layout.h"
#include "master/namespace/permission.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::Layout> get_layout(QueryContext& context, const v1::GetLayoutRequest& request) {
  InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.reader, inode));
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return rejected(EISDIR, "a directory");
  if (record.type() != v1::FILE_TYPE_REGULAR) return invalid("not a regular file");
  if (request.handle() == 0) TRY(check_access(context.caller, record, kMayRead));
  return layout_page(context.reader, inode, record, request.offset());
}

}  // namespace forebay::master::ops
