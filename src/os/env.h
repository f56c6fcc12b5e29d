// The outside world as one role sees it: real in main(), virtual in the simulation. Nothing in a role reaches past it.
#pragma once

#include <string>

#include "async/task.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/net.h"
#include "os/random.h"

namespace forebay::os {

// Everything referenced outlives the role. `blocking` is where slow calls go (a pool of threads; in the simulation the one
// executor).
struct Env {
  Clock& clock;
  Random& random;
  FileSystem& files;
  Network& network;
  async::Executor blocking;
  std::string host_id;
};

}  // namespace forebay::os
