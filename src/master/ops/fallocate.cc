#include "master/extents/handles.h"
#include "master/namespace/permission.h"
#include "master/namespace/xattr.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

// To keep room beyond the end without growing would be a promise of space, which objects that are not written yet cannot give.
Result<void> check(const v1::FallocateRequest& request) {
  if (request.length() == 0) return rejected(EINVAL, "an empty range");
  if (request.offset() > kMaxFileSize || request.length() > kMaxFileSize - request.offset())
    return rejected(EFBIG, "beyond 2^63 - 1");
  if (request.keep_size() && !request.zero()) return rejected(EOPNOTSUPP, "space cannot be reserved");
  return {};
}

}  // namespace

Result<v1::AttrReply> fallocate(MutationContext& context, const v1::FallocateRequest& request) {
  TRY(check(request));
  ASSIGN_OR_RETURN(const WriteHandle handle, find_write_handle(context.txn, context.caller, HandleId{request.handle()}));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, handle.inode));
  ContentEdit content(context, handle.inode, record);
  const uint64_t end = request.offset() + request.length();
  if (request.zero()) TRY(content.punch(request.offset(), end));
  if (!request.keep_size() && end > record.size()) TRY(content.resize(end));
  TRY(content.finish());
  record.set_mode(mode_after_write(context.caller, record));
  TRY(drop_capability(context.txn, handle.inode, record));
  record.set_mtime_ns(os::unix_nanos(context.now));
  record.set_ctime_ns(record.mtime_ns());
  save_inode(context.txn, handle.inode, record);
  return attr_reply(handle.inode, record);
}

}  // namespace forebay::master::ops
