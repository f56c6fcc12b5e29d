// Uploads in parts that somebody began for us and that nobody has recorded.
#pragma once

#include <vector>

#include "worker/persist/live_task.h"

namespace forebay::worker {

// When they were begun, by the master's clock. Whoever uploads a file records the upload before its first part is sent, so one
// that is not recorded has none; a copy records nothing.
struct UploadsBegun {
  int64_t from_ns, until_ns;
  bool may_have_parts;
};

// Those to the operation's key that were begun in this time: nobody but the operation writes to the key for us. Others', by their
// time or because they have parts, are left out.
Task<Result<std::vector<ufs::Upload>>> find_uploads(const TaskContext* with, UploadsBegun begun);
Task<Result<void>> abort_all(const TaskContext* with, std::vector<ufs::Upload> uploads);

}  // namespace forebay::worker
