// Up to which size a file is written in one request.
#pragma once

#include <cstdint>

#include "os/clock.h"

namespace forebay::worker {

// A request that writes a whole file cannot be taken back, so it has a deadline, whatever moves: over a slow connection that many
// uploads share, larger files would never arrive, and what was sent for nothing would take the connection from the others. After
// one that did not end in time only files of less than half its size go in one request, for kRemembered; others go in parts,
// which may take as long as something moves. Never below kLeast: what does not pass then is no matter of size. Owned by the
// worker's tasks, one for each mount. On one executor.
class PutLimit {
 public:
  static constexpr uint64_t kLeast = 64 * 1024;
  static constexpr Duration kRemembered = std::chrono::minutes(10);

  PutLimit(os::Clock& clock, uint64_t most) : clock_(clock), most_(most) {}
  uint64_t bytes() const;
  void took_too_long(uint64_t bytes);

 private:
  os::Clock& clock_;
  const uint64_t most_;
  uint64_t lowered_ = 0;  // until then
  os::Instant until_{};
};

}  // namespace forebay::worker
