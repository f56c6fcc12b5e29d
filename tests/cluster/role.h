// The roles of a simulated cluster, all started and stopped alike.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "client_slot.h"
#include "kv/memory_store.h"
#include "obs/log.h"
#include "os/simulation.h"
#include "scenario.h"

namespace forebay::cluster {

// What runs in one simulated process. stop() ends, sooner or later, in a dead process too.
class Role {
 public:
  virtual ~Role() = default;
  virtual Task<void> stop() = 0;
};

// A master serves at "master:19998", a worker at its host, port 29999 and unix:/run/worker.
inline const std::string kMasterHost = "master";
inline constexpr uint16_t kMasterPort = 19'998, kWorkerPort = 29'999;

// Each ends when the role serves: a master its port, a worker after its registration, a client with a session.
Task<Result<std::unique_ptr<Role>>> start_master(os::SimProcess* process, os::SeamWatch* watch,
                                                 std::shared_ptr<kv::MemoryDisk> disk, obs::Log* log, const Scenario* scenario);
Task<Result<std::unique_ptr<Role>>> start_worker(os::SimProcess* process, obs::Log* log, const Scenario* scenario);
Task<Result<std::unique_ptr<Role>>> start_client(std::shared_ptr<os::SimProcess> process, obs::Log* log, const Scenario* scenario,
                                                 ClientSlot* slot);

}  // namespace forebay::cluster
