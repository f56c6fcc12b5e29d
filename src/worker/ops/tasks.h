// The RPCs of persistence that a worker serves (proto/forebay/v1/tasks.proto).
#pragma once

#include "rpc/server.h"
#include "worker/persist/task_table.h"

namespace forebay::worker {

// All of the service. Each call goes over to the table's executor. `tasks` outlives the router.
void add_task_operations(rpc::Router& router, TaskTable* tasks);

}  // namespace forebay::worker
