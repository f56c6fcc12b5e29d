#include "master/namespace/permission.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"
#include "master/ttl/ttl.h"

namespace forebay::master::ops {
namespace {

constexpr int64_t kLongest = int64_t{100} * 365 * 24 * 3600 * 1000;  // ms

}  // namespace

Result<v1::AttrReply> set_ttl(MutationContext& context, const v1::SetTtlRequest& request) {
  if (request.ttl_ms() < 0 || request.ttl_ms() > kLongest) return invalid("a time to live is at most 100 years");
  ASSIGN_OR_RETURN(const Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  ASSIGN_OR_RETURN(const Entry entry, existing_entry(context.txn, parent.id, request.name()));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, entry.inode));
  const bool is_directory = entry.type == v1::FILE_TYPE_DIRECTORY;
  if (request.action() == v1::TTL_ACTION_FREE) {
    if (is_directory) return rejected(EISDIR, "a directory is freed file by file");
    TRY(check_access(context.caller, record, kMayWrite));
  } else {
    TRY(check_may_remove(context.caller, parent, record));
    if (is_directory && !owns(context.caller, record)) return rejected(EPERM, "another owner's tree");
    if (is_directory) TRY(check_may_leave(context, entry.inode));
  }
  end_ttl(context.txn, entry.inode, record);
  if (request.ttl_ms() != 0) {
    v1::TtlRecord ttl;
    ttl.set_action(request.action());
    ttl.set_parent(parent.id.value);
    ttl.set_name(request.name());
    begin_ttl(context.txn, entry.inode, record, os::unix_nanos(context.now) + request.ttl_ms() * 1'000'000, ttl);
  }
  record.set_ctime_ns(os::unix_nanos(context.now));
  save_inode(context.txn, entry.inode, record);
  return attr_reply(entry.inode, record);
}

}  // namespace forebay::master::ops
