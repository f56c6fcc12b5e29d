#include "master/extents/opening.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

OpenTerms terms_of(const v1::OpenRequest& request) {
  return {request.access(), request.truncate(), request.has_placement() ? &request.placement() : nullptr, request.durability()};
}

Result<v1::InodeRecord> load_checked(const kv::Reader& reader, const Caller& caller, InodeId inode, const OpenTerms& terms) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(reader, inode));
  TRY(check_may_open(caller, record, terms));
  return record;
}

}  // namespace

Result<v1::OpenReply> open_read(QueryContext& context, const v1::OpenRequest& request) {
  InodeId inode{request.inode()};
  OpenTerms terms = terms_of(request);
  if (terms.writes() || terms.truncate) return invalid("opening for writing is a mutation");
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_checked(context.reader, context.caller, inode, terms));
  return open_for_read(context.reader, inode, record);
}

Result<v1::OpenReply> open_write(MutationContext& context, const v1::OpenRequest& request) {
  InodeId inode{request.inode()};
  OpenTerms terms = terms_of(request);
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_checked(context.txn, context.caller, inode, terms));
  return open_inode(context, inode, record, terms);
}

}  // namespace forebay::master::ops
