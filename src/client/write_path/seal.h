// Sealing an object at one worker.
#pragma once

#include "client/write_path/carrier.h"
#include "forebay/v1/worker.pb.h"

namespace forebay::client {

// Repeated while the worker does not answer, for as long as a close waits for it (ClientConfig::seal_patience); but one that
// answers nothing else, either, is not waited for: the master has it seal the object when it is back. Errors for which `ends` is
// true come back at once, as those that no repeat mends.
Task<Result<uint32_t>> seal_at(Core* core, WorkerId worker, v1::SealObjectRequest request, TraceId trace,
                               bool (*ends)(const Status&));

}  // namespace forebay::client
