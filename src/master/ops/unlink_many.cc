#include "master/ops/item.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostEntries = 256;  // in one call

}  // namespace

Result<v1::UnlinkManyReply> unlink_many(MutationContext& context, const v1::UnlinkManyRequest& request) {
  if (request.entries_size() > kMostEntries) return invalid("more than " + std::to_string(kMostEntries) + " entries in one call");
  v1::UnlinkManyReply reply;
  for (const v1::EntryName& entry : request.entries()) {
    v1::UnlinkRequest one;
    one.set_parent(entry.parent());
    one.set_name(entry.name());
    const Result<v1::UnlinkReply> gone = apply_item(context, [&](MutationContext& inner) { return unlink(inner, one); });
    v1::ErrorDetail& error = *reply.add_errors();
    if (gone) continue;
    if (!is_items_own(gone.error())) return std::unexpected(gone.error());
    error = rpc::to_detail(gone.error());
  }
  return reply;
}

}  // namespace forebay::master::ops
