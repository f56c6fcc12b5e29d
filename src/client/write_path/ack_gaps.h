// How evenly workers take what is streamed to them.
#pragma once

#include <algorithm>
#include <mutex>

#include "base/units.h"
#include "os/clock.h"

namespace forebay::client {

// The longest time between two acknowledgements while a write waited or its bytes did. Owned by Core. Any thread.
class AckGaps {
 public:
  // There is something to send; `idle`: there was nothing before.
  void writing(os::Instant now, bool idle) {
    std::lock_guard lock(mutex_);
    if (idle) last_ = now;
  }
  void acknowledged(os::Instant now) {
    std::lock_guard lock(mutex_);
    longest_ = std::max<Duration>(longest_, now - last_);
    last_ = now;
  }
  Duration longest() const {
    std::lock_guard lock(mutex_);
    return longest_;
  }

 private:
  mutable std::mutex mutex_;
  os::Instant last_{};
  Duration longest_{};
};

}  // namespace forebay::client
