// What the coordinator tells its metrics.
#pragma once

#include "forebay/v1/coordinator.pb.h"
#include "rpc/server.h"

namespace forebay::coordinator {

// Told once a second, on the coordinator's executor; beside that, one call_finished for each call. Must not block.
class CoordinatorEvents : public rpc::ServerEvents {
 public:
  virtual void pace(const v1::Pace& now) = 0;
};

}  // namespace forebay::coordinator
