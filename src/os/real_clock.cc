#include "async/loop.h"
#include "os/clock.h"

namespace forebay::os {
namespace {

class RealClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
  Task<bool> sleep_until(Instant when, std::stop_token stop) override { return async::sleep_until(when, std::move(stop)); }
};

}  // namespace

Clock& real_clock() {
  static RealClock clock;
  return clock;
}

}  // namespace forebay::os
