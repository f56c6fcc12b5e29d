#include "rpc/retry.h"

#include <algorithm>

namespace forebay::rpc {
namespace {

// The call may have happened, or half happened at a component that is now broken.
Next after_unknown(Retry retry) {
  switch (retry) {
    case Retry::kRead:
    case Retry::kSameId: return Next::kOtherServer;   // any master knows the outcome; any copy can be read
    case Retry::kAbsolute: return Next::kSameServer;  // what it sets is that server's own
    case Retry::kNever: return Next::kGiveUp;
  }
  return Next::kGiveUp;
}

}  // namespace

Next after_failure(const Method& method, const Status& status) {
  switch (status.code()) {
    case Code::kBusy: return Next::kSameServer;        // nothing changed
    case Code::kElsewhere: return Next::kOtherServer;  // nothing was done
    case Code::kUnknown: return after_unknown(method.retry);
    case Code::kBroken:
      return method.retry == Retry::kRead || method.retry == Retry::kSameId ? Next::kOtherServer : Next::kGiveUp;
    case Code::kCorrupt:
      return method.retry == Retry::kRead ? Next::kOtherServer : Next::kGiveUp;  // another copy, never this one
    case Code::kStale:  // not the same call again: the caller refreshes its view first
    case Code::kRejected:
    case Code::kInvalid:
    case Code::kCancelled: return Next::kGiveUp;
  }
  return Next::kGiveUp;
}

Duration Backoff::pause(int attempt, os::Random& random) const {
  // Doubling stops before it can overflow.
  Duration bound = std::min(first, most);
  for (int i = 0; i < attempt && bound < most; ++i) bound = std::min(bound * 2, most);
  return Duration(1 + random.below(static_cast<uint64_t>(std::max<int64_t>(bound.count(), 1))));
}

}  // namespace forebay::rpc
