#include "master/namespace/entry.h"
#include "master/namespace/name_leases.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

// Setuid and setgid are not for mkdir(2) to give: setgid comes from the parent alone.
Result<v1::AttrReply> make_dir(MutationContext& context, const v1::MakeDirRequest& request) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  TRY(check_name(request.name()));
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find_entry(context.txn, parent.id, request.name()));
  if (existing && existing->type == v1::FILE_TYPE_DIRECTORY && request.exist_ok()) {
    ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, existing->inode));
    return attr_reply(existing->inode, record);
  }
  TRY(check_may_add(context.caller, parent, existing));
  uint32_t mode = request.mode() & (kSticky | 0777);
  ASSIGN_OR_RETURN(NewInode made, make_entry(context, parent, request.name(), v1::FILE_TYPE_DIRECTORY, mode));
  save_inode(context.txn, made.id, made.record);
  v1::AttrReply reply = attr_reply(made.id, made.record, parent);
  if (auto names = context.names->begin(context.caller.session, made.id)) *reply.mutable_names() = *std::move(names);
  return reply;
}

}  // namespace forebay::master::ops
