#include "master/extents/handles.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

constexpr uint32_t kMaxGrants = 64;  // in one call

// As many as there is room for, at least one.
Result<v1::AllocateReply> allocate(MutationContext& context, const v1::AllocateRequest& request) {
  uint32_t count = std::max(request.count(), 1u);
  if (count > kMaxGrants) return invalid("more than " + std::to_string(kMaxGrants) + " objects in one call");
  ASSIGN_OR_RETURN(WriteHandle handle, find_write_handle(context.txn, context.caller, HandleId{request.handle()}));
  v1::AllocateReply reply;
  for (uint32_t i = 0; i < count; ++i) {
    Result<v1::Grant> grant = grant_to(context, handle, request.placement());
    if (!grant && i == 0) return std::unexpected(std::move(grant).error());
    if (!grant) break;
    *reply.add_grants() = *std::move(grant);
  }
  save_handle(context.txn, handle);
  return reply;
}

}  // namespace forebay::master::ops
