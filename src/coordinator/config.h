// Settings of the coordinator.
#pragma once

#include <string>
#include <vector>

#include "base/units.h"
#include "os/net.h"
#include "rpc/server.h"

namespace forebay::coordinator {

// Memory: what waits stays at the master and is read a page at a time; `started` operations are held here, a few KiB each.
struct CoordinatorConfig {
  os::Address listen;           // port 0: any
  std::string advertised_host;  // what workers reach this host by; empty: the one listened on
  std::vector<os::Address> masters;
  std::string name = "coordinator";
  rpc::ServerConfig server;

  Duration interval = std::chrono::seconds(1);        // an upper bound between two looks at the queue
  Duration check_interval = std::chrono::seconds(1);  // between two looks at how far a task is; at most 10 s
  Duration lease = std::chrono::seconds(30);          // of operations and tasks; renewed at a third of it
  Duration margin = std::chrono::seconds(5);          // a worker that is not heard of is given so long beyond its lease
  uint32_t page = 256;                                // intents, or operations of before, read at a time
  size_t started = 512;                               // operations held at a time: running, or waiting for a lane
  size_t small_tasks = 128, large_tasks = 16;         // running, in lanes of their own, so that neither holds the other up
  size_t large_waiting = 256;                         // more large ones than this go back into the queue
  uint64_t large_from = 64 * kMiB;
  size_t fetches = 64;                              // blocks that somebody waits for, fetched at a time beside all of these
  size_t tasks_per_worker = 48;                     // below the 64 that a worker takes
  Duration avoid_worker = std::chrono::seconds(5);  // after it refused or did not answer
  Duration no_worker = std::chrono::seconds(30);    // without any, an operation goes back into the queue after so long

  uint32_t breaker_failures = 8;  // of a store, one after the other: then one operation at a time finds out whether it is back …
  Duration breaker_first = std::chrono::seconds(1), breaker_most = std::chrono::seconds(60);  // … after this, doubled each time
};

}  // namespace forebay::coordinator
