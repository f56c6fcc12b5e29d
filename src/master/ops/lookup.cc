#include "master/namespace/entry.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::AttrReply> lookup(QueryContext& context, const v1::LookupRequest& request) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.reader, context.caller, InodeId{request.parent()}));
  ASSIGN_OR_RETURN(Entry entry, existing_entry(context.reader, parent.id, request.name()));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.reader, entry.inode));
  return attr_reply(entry.inode, record);
}

}  // namespace forebay::master::ops
