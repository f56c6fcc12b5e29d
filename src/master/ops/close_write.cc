#include "master/extents/handles.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostHandles = 1024;  // in one call

}  // namespace

Result<v1::CloseWriteReply> close_write(MutationContext& context, const v1::CloseWriteRequest& request) {
  if (request.handles_size() > kMostHandles) return invalid("more than " + std::to_string(kMostHandles) + " handles in one call");
  for (const uint64_t id : request.handles()) {
    const Result<WriteHandle> handle = find_write_handle(context.txn, context.caller, HandleId{id});
    if (!handle && handle.error().is(Code::kStale)) continue;  // closed already
    if (!handle) return std::unexpected(handle.error());
    TRY(close_handle(context, handle->inode, handle->id));
  }
  return v1::CloseWriteReply{};
}

}  // namespace forebay::master::ops
