#include "master/ops/item.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostEntries = 1024;  // in one call

}  // namespace

Result<v1::LookupManyReply> lookup_many(QueryContext& context, const v1::LookupManyRequest& request) {
  if (request.entries_size() > kMostEntries) return invalid("more than " + std::to_string(kMostEntries) + " entries in one call");
  v1::LookupManyReply reply;
  for (const v1::EntryName& entry : request.entries()) {
    v1::LookupRequest one;
    one.set_parent(entry.parent());
    one.set_name(entry.name());
    Result<v1::AttrReply> found = lookup(context, one);
    if (found)
      *reply.add_entries()->mutable_attr() = std::move(*found->mutable_attr());
    else if (is_items_own(found.error()))
      *reply.add_entries()->mutable_error() = rpc::to_detail(found.error());
    else
      return std::unexpected(std::move(found).error());
  }
  return reply;
}

}  // namespace forebay::master::ops
