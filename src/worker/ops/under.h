// The RPCs for paths below mount points that a worker serves (proto/forebay/v1/under.proto).
#pragma once

#include "rpc/server.h"
#include "worker/under/under_changes.h"
#include "worker/under/under_paths.h"
#include "worker/under/under_uploads.h"

namespace forebay::worker {

// All of the service. Each call goes over to the executor of what serves it, which outlives the router.
void add_under_operations(rpc::Router& router, UnderPaths* paths, UnderUploads* uploads, UnderChanges* changes);

}  // namespace forebay::worker
