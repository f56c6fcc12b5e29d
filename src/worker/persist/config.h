// Settings of the worker's half of persistence.
#pragma once

#include "ufs/key.h"
#include "ufs/open.h"
#include "ufs/transfer.h"

namespace forebay::worker {

// Memory: max_tasks times the larger of small_bytes and transfer.parallel buffers of the store.
struct PersistConfig {
  ufs::StoreOpener open;  // null: this worker takes no tasks
  size_t max_tasks = 64;  // running; more are refused with `busy`
  size_t outcomes = 1'024;
  uint64_t small_bytes = 8 * kMiB;  // written in one request, from memory
  ufs::TransferConfig transfer;
  uint64_t bytes_per_second = 0;                         // of all tasks together; 0: as fast as it goes
  uint64_t bytes_per_second_beside_writers = 64 * kMiB;  // of all uploads, see UploadPace
  Duration request_timeout = std::chrono::seconds(30);
  Duration quarantine =
      std::chrono::seconds(60);  // after which a request that was given up and cannot be fenced has no effect any more
  Duration stall = std::chrono::minutes(2);       // a task that moves nothing for so long is told to stop
  Duration turn_wait = std::chrono::seconds(10);  // for what has to be visible earlier; then the upload is given up
  Duration tick = std::chrono::seconds(1);        // between two looks at leases
  size_t restore_extents = 100'000;               // of one file
};

}  // namespace forebay::worker
