// How a store begins: directories made, locked, identified and searched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/status.h"
#include "base/units.h"
#include "obs/log.h"
#include "os/env.h"
#include "worker/store/held_space.h"
#include "worker/store/identity.h"
#include "worker/store/index_log.h"
#include "worker/store/object_table.h"
#include "worker/tiers/tier_set.h"

namespace forebay::worker {

struct StoreConfig {
  std::vector<TierConfig> tiers;
  std::string expected_cluster;            // directories of another one are refused; empty: what they say
  size_t max_open_objects = 4096;          // descriptors; one more waits for none: `busy`
  uint64_t reserve_step_bytes = 8 * kMiB;  // by which a write beyond its reservation enlarges it, room permitting
  uint64_t stage_room_bytes = 64 * kMiB;   // that a path has to have for a staged object to be begun in it
  uint64_t stage_quota_bytes = 0;          // and that have to be left of its quota, unless its medium has less
  size_t start_parallelism = 8;            // directories searched at a time
  size_t max_damaged = 10'000;             // copies remembered until the master has heard of them; more are found again
  size_t remembered_removals = 1 << 16;    // ids that cannot come back by a late write
  HeldSpaceConfig held;
};

struct StartedStore {
  std::vector<std::unique_ptr<os::File>> locks;
  std::vector<std::unique_ptr<IndexLog>> indexes;
  std::optional<Identity> identity;
  std::vector<std::pair<ObjectId, ObjectEntry>> objects;  // ascending, already charged to their paths
};

// Everything is charged to `tiers`. A path whose disk fails here is marked failed and left out; the store starts as long as one
// is left. `invalid`, naming the directory and what to do: locked by another worker, another owner's, objects without an owner,
// not a usable directory. Nothing is created in a directory that is refused for its owner.
Task<Result<StartedStore>> start_store(os::Env& env, StoreConfig config, TierSet& tiers, obs::Log& log);

}  // namespace forebay::worker
