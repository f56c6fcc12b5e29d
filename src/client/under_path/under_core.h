// What the parts of a client need for paths below mount points.
#pragma once

#include <atomic>
#include <memory>

#include "client/core.h"
#include "client/under_path/mount_table.h"
#include "client/under_path/node_table.h"
#include "client/under_path/under_workers.h"
#include "client/under_path/under_writers.h"

namespace forebay::client {

inline constexpr Duration kUnderAttrTimeout = std::chrono::seconds(1);  // attributes are told again without asking the store
inline constexpr size_t kUnderNodes = 262'144;
inline constexpr uint64_t kUnderStripe = 4 * kMiB;  // of an object, read through one worker; the next through another

// Built by the client, kept alive by open files. The core outlives it.
struct UnderCore {
  explicit UnderCore(std::shared_ptr<Core> client_core)
      : core(std::move(client_core)),
        mounts(core->env, core->session, core->background),
        nodes(kUnderNodes),
        workers(core->env, core->routing, core->background) {}

  const std::shared_ptr<Core> core;  // shared with open files
  MountTable mounts;
  NodeTable nodes;
  UnderWorkers workers;
  UnderWriters writers;
  std::atomic<uint64_t> hidden = 0;  // keys that listings had and could not show
};

// Where to ask about a path as a whole.
inline uint64_t under_seed(uint64_t mount, const std::string& key, uint64_t stripe = 0) {
  return hash64(key, mount * 0x9e3779b97f4a7c15U + stripe);
}

}  // namespace forebay::client
