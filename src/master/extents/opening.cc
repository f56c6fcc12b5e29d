#include "master/extents/opening.h"

#include "master/extents/handles.h"
#include "master/namespace/permission.h"
#include "master/namespace/xattr.h"

namespace forebay::master {
namespace {

Result<void> truncate_at_open(MutationContext& context, InodeId inode, v1::InodeRecord& record) {
  ContentEdit edit(context, inode, record);
  TRY(edit.resize(0));
  if (record.writers() != 0) TRY(cut_staged_objects(context.txn, inode, 0));
  int64_t now = os::unix_nanos(context.now);
  record.set_mtime_ns(now);
  record.set_ctime_ns(now);
  record.set_mode(mode_after_write(context.caller, record));
  TRY(drop_capability(context.txn, inode, record));
  return edit.finish();
}

Result<void> grant_first(MutationContext& context, WriteHandle& handle, const v1::Placement& wanted, v1::OpenReply& reply) {
  Result<v1::Grant> grant = grant_to(context, handle, wanted);
  if (grant) {
    *reply.add_grants() = *std::move(grant);
    return {};
  }
  bool no_room = grant.error().is(Code::kRejected) || grant.error().is(Code::kElsewhere) || grant.error().is(Code::kBusy);
  if (no_room) return {};
  return std::unexpected(std::move(grant).error());
}

}  // namespace

Result<void> check_may_open(const Caller& caller, const v1::InodeRecord& record, const OpenTerms& terms) {
  if (terms.access != v1::ACCESS_READ && !terms.writes()) return invalid("open for what?");
  switch (record.type()) {
    case v1::FILE_TYPE_REGULAR: break;
    case v1::FILE_TYPE_DIRECTORY:
      if (terms.writes() || terms.truncate) return rejected(EISDIR, "a directory");
      break;
    case v1::FILE_TYPE_SYMLINK: return rejected(ELOOP, "symbolic link");
    default: return rejected(ENXIO, "not a file");
  }
  uint32_t wanted = 0;
  if (terms.access != v1::ACCESS_WRITE) wanted |= kMayRead;
  if (terms.writes() || terms.truncate) wanted |= kMayWrite;
  return check_access(caller, record, wanted);
}

Result<v1::OpenReply> open_inode(MutationContext& context, InodeId inode, v1::InodeRecord& record, const OpenTerms& terms) {
  std::optional<WriteHandle> handle;
  if (terms.writes()) {
    ASSIGN_OR_RETURN(handle, open_write_handle(context, inode, record, terms.durability));
  }
  if (terms.truncate) TRY(truncate_at_open(context, inode, record));
  if (handle || terms.truncate) save_inode(context.txn, inode, record);
  ASSIGN_OR_RETURN(v1::OpenReply reply, open_for_read(context.txn, inode, record, InlineContent::kLeftOut));
  if (!handle) return reply;
  reply.set_handle(handle->id.value);
  if (terms.placement) TRY(grant_first(context, *handle, *terms.placement, reply));
  save_handle(context.txn, *handle);
  return reply;
}

Result<v1::OpenReply> open_for_read(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record,
                                    InlineContent content) {
  v1::OpenReply reply;
  *reply.mutable_attr() = attr_of(inode, record);
  ASSIGN_OR_RETURN(*reply.mutable_layout(), layout_page(reader, inode, record, 0, content));
  return reply;
}

}  // namespace forebay::master
