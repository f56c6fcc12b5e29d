// When a failed call may be repeated, and how long to wait: the one place that decides.
#pragma once

#include "base/status.h"
#include "base/units.h"
#include "os/random.h"
#include "rpc/method.h"

namespace forebay::rpc {

enum class Next : uint8_t {
  kGiveUp,       // hand the error to the caller
  kSameServer,   // after the pause, here
  kOtherServer,  // at once at another server; after the pause when all have been tried
};

Next after_failure(const Method& method, const Status& status);

// Exponential with full jitter: uniform in (0, min(first * 2^attempt, most)].
struct Backoff {
  Duration first = std::chrono::milliseconds(5), most = std::chrono::seconds(1);
  Duration pause(int attempt, os::Random& random) const;
};

}  // namespace forebay::rpc
