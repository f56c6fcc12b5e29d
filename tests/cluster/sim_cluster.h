// A whole cluster in a simulated world.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "os/simulation.h"
#include "role.h"
#include "scenario.h"
#include "verdict.h"

namespace forebay::cluster {

// What every process of one place in the cluster asks before it touches the world: the plan of the moment, if any.
class RoleWatch final : public os::SeamWatch {
 public:
  os::SeamFate before(const os::SeamCall& call) override { return plan ? plan(call) : os::SeamFate{}; }
  std::function<os::SeamFate(const os::SeamCall&)> plan;
};

// One place in the cluster, and the process that fills it now.
struct RoleSlot {
  std::string kind, name, host;  // kind: "master", "worker", "client"
  RoleWatch watch;
  std::shared_ptr<os::SimProcess> process;  // of the present life; shared with the role and what it has under way
  std::unique_ptr<Role> role;               // null while it starts
  bool wanted = false;                      // a role that dies by itself or fails to start is started again
  ClientSlot client;                        // of a client

  bool is_up() const { return role != nullptr && !process->is_dead(); }
};

// One master, workers and clients, each in a process on a host of its own (or workers on the hosts of clients). Processes die and
// come back on their disks. A killed role's objects are stopped and buried in the background; one that does not end is a
// violation. Owned by the run; world, scenario and verdict outlive it.
class SimCluster {
 public:
  SimCluster(os::SimWorld& world, const Scenario& scenario, Verdict& verdict, obs::Log& log);

  // Everything up; false: a violation says why not.
  bool start();
  // Orderly; all processes gone. False: something does not end.
  bool stop();

  RoleSlot& master() { return *slots_.front(); }
  std::vector<RoleSlot*> of_kind(std::string_view kind);
  std::vector<std::unique_ptr<RoleSlot>>& slots() { return slots_; }
  bool all_up() const;

  void start_role(RoleSlot& slot);
  void kill(RoleSlot& slot);                // SIGKILL
  void power_off(const std::string& host);  // with all that runs there
  void power_on(const std::string& host);   // and starts it again
  // The same from inside one of its own calls: it is dead at once, and started again after `down`.
  void die_within(RoleSlot& slot, Duration down = std::chrono::milliseconds(200));

 private:
  static Task<void> run_start(SimCluster* cluster, RoleSlot* slot, std::shared_ptr<os::SimProcess> process);
  static Task<void> bury(SimCluster* cluster, std::shared_ptr<os::SimProcess> process, std::unique_ptr<Role> role);
  static Task<Result<std::unique_ptr<Role>>> make_role(SimCluster* cluster, RoleSlot* slot,
                                                       std::shared_ptr<os::SimProcess> process);
  static Task<void> bury_and_restart(SimCluster* cluster, RoleSlot* slot, std::shared_ptr<os::SimProcess> process, Duration down);
  void lose(RoleSlot& slot);
  void add(std::string kind, std::string name, std::string host);

  os::SimWorld& world_;
  const Scenario& scenario_;
  Verdict& verdict_;
  obs::Log& log_;
  std::shared_ptr<kv::MemoryDisk> master_disk_ = kv::MemoryDisk::create();  // shared with the stores opened on it
  std::vector<std::unique_ptr<RoleSlot>> slots_;
  size_t starting_ = 0, burying_ = 0;
};

}  // namespace forebay::cluster
