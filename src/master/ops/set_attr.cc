#include "master/extents/handles.h"
#include "master/namespace/entry.h"
#include "master/namespace/permission.h"
#include "master/namespace/xattr.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {
namespace {

using Request = v1::SetAttrRequest;

bool changes_owner(const Request& request) { return request.has_uid() || request.has_gid(); }
bool changes_times(const Request& request) {
  return request.has_atime_ns() || request.has_mtime_ns() || request.atime_now() || request.mtime_now();
}

Result<void> check_mode(const Caller& caller, const v1::InodeRecord& record, const Request& request) {
  if (!request.has_mode()) return {};
  if (record.type() == v1::FILE_TYPE_SYMLINK) return rejected(EOPNOTSUPP, "symbolic link");
  if (!owns(caller, record)) return rejected(EPERM, "not the owner");
  return {};
}

// Owners may give their files to groups that they are in; everything else is the superuser's.
Result<void> check_owner(const Caller& caller, const v1::InodeRecord& record, const Request& request) {
  if (!changes_owner(request) || caller.is_superuser()) return {};
  bool keeps_user = !request.has_uid() || request.uid() == record.uid();
  bool may_have_group = !request.has_gid() || request.gid() == record.gid() || caller.in_group(request.gid());
  if (caller.uid != record.uid() || !keeps_user || !may_have_group) return rejected(EPERM, "not permitted");
  return {};
}

// Both times to now is for everybody who may write; one of them, or a time of the caller's choice, is the owner's.
Result<void> check_times(const Caller& caller, const v1::InodeRecord& record, const Request& request) {
  if (!changes_times(request) || owns(caller, record)) return {};
  bool both_now = request.atime_now() && request.mtime_now();
  bool by_truncation = request.has_size() && !request.atime_now();
  if (request.has_atime_ns() || request.has_mtime_ns() || !(both_now || by_truncation)) return rejected(EPERM, "not the owner");
  return request.has_size() ? Result<void>{} : check_access(caller, record, kMayWrite);
}

Result<void> check_size(MutationContext& context, InodeId inode, const v1::InodeRecord& record, const Request& request) {
  if (!request.has_size()) return {};
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return rejected(EISDIR, "a directory");
  if (record.type() != v1::FILE_TYPE_REGULAR) return invalid("only regular files have a size to set");
  if (request.handle() == 0) {
    TRY(check_access(context.caller, record, kMayWrite));
  } else {
    ASSIGN_OR_RETURN(WriteHandle handle, find_write_handle(context.txn, context.caller, HandleId{request.handle()}));
    if (handle.inode != inode) return invalid("handle " + to_string(handle.id) + " is of another inode");
  }
  if (request.size() > kMaxFileSize) return rejected(EFBIG, "beyond 2^63 - 1");
  return {};
}

// A mode that is asked for is taken as it is, but for a setgid bit of a group that the caller is not in.
uint32_t mode_after(const Caller& caller, const v1::InodeRecord& record, const Request& request) {
  if (!request.has_mode()) return record.mode();
  uint32_t mode = request.mode() & 07777;
  return caller.is_superuser() || caller.in_group(record.gid()) ? mode : mode & ~kSetGid;
}

void apply(const Caller& caller, int64_t now, const Request& request, v1::InodeRecord& record) {
  if (changes_owner(request)) record.set_mode(mode_after_chown(caller, record));
  if (request.has_size()) {
    record.set_mode(mode_after_write(caller, record));
    record.set_mtime_ns(now);
  }
  if (request.has_uid()) record.set_uid(request.uid());
  if (request.has_gid()) record.set_gid(request.gid());
  record.set_mode(mode_after(caller, record, request));
  if (request.has_atime_ns()) record.set_atime_ns(request.atime_ns());
  if (request.has_mtime_ns()) record.set_mtime_ns(request.mtime_ns());
  if (request.atime_now()) record.set_atime_ns(now);
  if (request.mtime_now()) record.set_mtime_ns(now);
  record.set_ctime_ns(now);
}

}  // namespace

// Without a writer a truncation seals a new version at once.
Result<v1::AttrReply> set_attr(MutationContext& context, const Request& request) {
  InodeId inode{request.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  bool changes = request.has_mode() || changes_owner(request) || request.has_size() || changes_times(request);
  if (!changes) return attr_reply(inode, record);
  TRY(check_mode(context.caller, record, request));
  TRY(check_owner(context.caller, record, request));
  TRY(check_size(context, inode, record, request));
  TRY(check_times(context.caller, record, request));
  const bool is_directory = record.type() == v1::FILE_TYPE_DIRECTORY;
  if (is_directory && (request.has_mode() || changes_owner(request))) TRY(check_names_free(context, inode));
  if (request.has_size() || (changes_owner(request) && !is_directory)) TRY(drop_capability(context.txn, inode, record));
  apply(context.caller, os::unix_nanos(context.now), request, record);
  if (request.has_size()) {
    ContentEdit edit(context, inode, record);
    TRY(edit.resize(request.size()));
    if (record.writers() != 0) TRY(cut_staged_objects(context.txn, inode, request.size()));
    TRY(edit.finish());
  }
  save_inode(context.txn, inode, record);
  TRY(attributes_changed(context, inode, record));
  return attr_reply(inode, record);
}

}  // namespace forebay::master::ops
