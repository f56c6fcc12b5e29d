// What makes a scenario's troubles.
#pragma once

#include <cstddef>

#include "async/task.h"
#include "scenario.h"
#include "sim_cluster.h"

namespace forebay::cluster {

// Runs every disturbance of the scenario again and again, at moments and targets chosen by the seed, until told to stop; then
// everything is as it should be: healed, powered, wanted up. World, scenario and cluster outlive it. Harness, not a role.
class Disturber {
 public:
  Disturber(os::SimWorld& world, const Scenario& scenario, SimCluster& cluster, Verdict& verdict);
  void start();
  // Ends all and heals all; false: a disturbance does not end.
  bool stop();

 private:
  static Task<void> repeat(Disturber* disturber, const Disturbance* disturbance, os::SimRandom random);
  static Task<void> strike(Disturber* disturber, const Disturbance* disturbance, RoleSlot* target, os::SimRandom* random);
  static Task<void> pause(Disturber* disturber, Duration time);
  void fail_files(RoleSlot* target, uint64_t seed);

  os::SimWorld& world_;
  const Scenario& scenario_;
  SimCluster& cluster_;
  Verdict& verdict_;
  size_t running_ = 0;
  bool stopping_ = false;
};

}  // namespace forebay::cluster
