#include "master/extents/opening.h"
#include "master/namespace/entry.h"
#include "master/namespace/name_leases.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"

namespace forebay::master::ops {
namespace {

Result<v1::OpenReply> open_existing(MutationContext& context, InodeId inode, const OpenTerms& terms) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return rejected(EISDIR, "a directory");
  TRY(check_may_open(context.caller, record, terms));
  return open_inode(context, inode, record, terms);
}

}  // namespace

// The creator's access is what was asked for, whatever the mode says.
Result<v1::OpenReply> create(MutationContext& context, const v1::CreateRequest& request) {
  OpenTerms terms{request.access(), request.truncate(), request.has_placement() ? &request.placement() : nullptr,
                  request.durability()};
  if (terms.access != v1::ACCESS_READ && !terms.writes()) return invalid("open for what?");
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  TRY(check_name(request.name()));
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find_entry(context.txn, parent.id, request.name()));
  if (existing && !request.exclusive()) return open_existing(context, existing->inode, terms);
  TRY(check_may_add(context.caller, parent, existing));

  ASSIGN_OR_RETURN(NewInode made, make_entry(context, parent, request.name(), v1::FILE_TYPE_REGULAR, request.mode() & 07777));
  terms.truncate = false;
  if (terms.writes()) {
    made.record.set_dirty(true);  // its first version is sealed at the close, empty or not
  } else {
    made.record.set_version(1);
    TRY(version_sealed(context, made.id, made.record));
    save_inode(context.txn, made.id, made.record);
  }
  ASSIGN_OR_RETURN(v1::OpenReply reply, open_inode(context, made.id, made.record, terms));
  reply.set_created(true);
  *reply.mutable_parent() = attr_of(parent.id, parent.record);
  if (auto names = context.names->lease(context.caller.session, parent.id)) *reply.mutable_names() = *std::move(names);
  return reply;
}

}  // namespace forebay::master::ops
