// A storm over a cluster that persists, in virtual time, from a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "persist_cluster.h"

namespace forebay::cluster {

// What a storm is about: the mapping's policies, the store, and what happens beside the programs' operations.
struct StormWorld {
  std::string name;
  std::string policies;  // of the mapping, as JSON
  bool is_nas = false, has_conditions = true;
  bool deletes = true;  // onDelete
  bool ordered = false, evicts = false;
  bool has_foreign_writer = false;
  enum class Conflicts : uint8_t { kFail, kKeepBoth, kCacheWins, kUfsWins } conflicts = Conflicts::kFail;
};
const std::vector<StormWorld>& storm_worlds();
const StormWorld* find_storm_world(const std::string& name);

struct StormResult {
  std::vector<std::string> violations;
  uint64_t operations = 0, failed = 0, kills = 0, cuts = 0, outages = 0, foreign = 0, changes = 0, keys = 0;
  Duration took{};  // virtual
};

// Programs of several clients change files while roles are killed, links cut and the store fails. Then everything is healed, and
// when nothing is left to be done: the store equals the namespace (onDelete: keep: contains it), byte for byte, whatever somebody
// else has there as its policy says; no upload is left; the records agree; and the store's history is as StoreHistory wants it.
StormResult run_storm(const StormWorld& world, uint64_t seed, size_t operations, bool logs);

}  // namespace forebay::cluster
