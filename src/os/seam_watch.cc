#include "os/seam_watch.h"

namespace forebay::os {

SeamFate SeamSweep::before(const SeamCall& call) {
  if (!call.name.starts_with(prefix_)) return {};
  if (++seen_ != n_) return {};
  at_ = std::string(call.name) + " " + std::string(call.object);
  return fate_;
}

}  // namespace forebay::os
