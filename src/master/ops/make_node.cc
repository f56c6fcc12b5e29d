#include "master/namespace/entry.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {
namespace {

Result<void> check_type(const Caller& caller, v1::FileType type) {
  switch (type) {
    case v1::FILE_TYPE_REGULAR:
    case v1::FILE_TYPE_FIFO:
    case v1::FILE_TYPE_SOCKET: return {};
    case v1::FILE_TYPE_CHARACTER:
    case v1::FILE_TYPE_BLOCK:
      if (caller.is_superuser()) return {};
      return rejected(EPERM, "devices are the superuser's to make");
    case v1::FILE_TYPE_DIRECTORY: return rejected(EPERM, "a directory is not a node");
    default: return invalid("no node has file type " + std::to_string(type));
  }
}

bool is_device(v1::FileType type) { return type == v1::FILE_TYPE_CHARACTER || type == v1::FILE_TYPE_BLOCK; }

}  // namespace

Result<v1::AttrReply> make_node(MutationContext& context, const v1::MakeNodeRequest& request) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  TRY(check_name(request.name()));
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find_entry(context.txn, parent.id, request.name()));
  TRY(check_may_add(context.caller, parent, existing));
  TRY(check_type(context.caller, request.type()));
  ASSIGN_OR_RETURN(NewInode made, make_entry(context, parent, request.name(), request.type(), request.mode() & 07777));
  if (is_device(request.type())) made.record.set_rdev(request.rdev());
  if (request.type() == v1::FILE_TYPE_REGULAR) {
    made.record.set_version(1);  // nobody writes it: sealed, and empty
    TRY(version_sealed(context, made.id, made.record));
  }
  save_inode(context.txn, made.id, made.record);
  return attr_reply(made.id, made.record, parent);
}

}  // namespace forebay::master::ops
