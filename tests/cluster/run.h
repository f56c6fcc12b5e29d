// One scenario with one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "scenario.h"
#include "verdict.h"

namespace forebay::cluster {

struct RunOptions {
  std::function<void(std::string_view line)> trace;  // every event of the history
  bool logs = false;                                 // the roles' logs to stderr
};

struct RunResult {
  Verdict verdict;
  uint64_t digest = 0, events = 0;
  Duration virtual_time{};
};

// Starts the cluster, lets the actors work under the disturbances, heals everything, and audits: every tree is as its actor
// knows it, again after everything was killed and started, and when all is removed no object is left on any disk.
RunResult run_scenario(const Scenario& scenario, uint64_t seed, const RunOptions& options);

}  // namespace forebay::cluster
