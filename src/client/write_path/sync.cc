#include "client/write_path/sync.h"

#include "client/core.h"

namespace forebay::client {

Task<Result<void>> sync_at(Core* core, WorkerId worker, v1::SyncObjectRequest request, TraceId trace,
                           bool (*ends)(const Status&)) {
  using Sync = v1::worker_service::SyncObject;
  Trying trying{.give_up = core->routing.give_up_at()};
  for (;;) {
    auto reply = co_await core->routing.call_worker<Sync>(worker, request, {.context = traced(trace)});
    if (reply) co_return Result<void>{};
    const bool final = rpc::after_failure(Sync::kMethod, reply.error()) == rpc::Next::kGiveUp;
    if (final || ends(reply.error())) co_return std::unexpected(std::move(reply).error());
    const bool again = co_await core->routing.pause(&trying);
    if (!again) co_return std::unexpected(std::move(reply).error());
  }
}

}  // namespace forebay::client
