// The place of one client process in a simulated cluster.
#pragma once

#include <memory>

#include "client/client.h"
#include "os/simulation.h"

namespace forebay::cluster {

// One life of a client process. Kept by whoever has a call or a file open in it, killed or not; what a killed one answers means
// nothing, because the program that would have got the answer is dead.
struct RunningClient {
  std::shared_ptr<os::SimProcess> process;  // shared with the cluster, which may have to kill it; destroyed after the client
  std::unique_ptr<client::Client> client;

  bool is_killed() const { return process->is_dead(); }
};

// Successive lives; empty between a death and the next start. Filled by the cluster, read by the actors that live in it.
struct ClientSlot {
  std::shared_ptr<RunningClient> current;
};

}  // namespace forebay::cluster
