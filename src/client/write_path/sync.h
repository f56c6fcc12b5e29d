// Making an object durable at one worker.
#pragma once

#include "client/write_path/carrier.h"
#include "forebay/v1/worker.pb.h"

namespace forebay::client {

// Repeated for as long as calls are: the bytes are no longer in the client, so there is nowhere else to go, and a worker that
// restarts is waited for. Errors for which `ends` is true come back at once, as those that no repeat mends.
Task<Result<void>> sync_at(Core* core, WorkerId worker, v1::SyncObjectRequest request, TraceId trace,
                           bool (*ends)(const Status&));

}  // namespace forebay::client
