#include "master/extents/opening.h"
#include "master/namespace/entry.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

// Detached from the beginning: it goes when its handle ends, or with the session of a client that dies.
Result<v1::OpenReply> create_unnamed(MutationContext& context, const v1::CreateUnnamedRequest& request) {
  const OpenTerms terms{request.access(), false, request.has_placement() ? &request.placement() : nullptr, request.durability()};
  if (!terms.writes()) return rejected(EINVAL, "a file without a name is made to be written");
  ASSIGN_OR_RETURN(const Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  TRY(check_access(context.caller, parent.record, kMayWrite | kMayExecute));
  ASSIGN_OR_RETURN(NewInode made, new_inode(context, parent.record, v1::FILE_TYPE_REGULAR, request.mode() & 07777));
  made.record.set_dirty(true);
  made.record.set_linkable(request.linkable());
  detach(context, made.id, made.record);
  ASSIGN_OR_RETURN(v1::OpenReply reply, open_inode(context, made.id, made.record, terms));
  reply.set_created(true);
  return reply;
}

}  // namespace forebay::master::ops
