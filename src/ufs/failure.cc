#include "ufs/failure.h"

namespace forebay::ufs {

Failure failure_of(const Status& status) {
  switch (status.code()) {
    case Code::kRejected: return status.is_errno(ENOENT) ? Failure::kNotFound : Failure::kPermanent;
    case Code::kStale: return Failure::kConflict;
    case Code::kBusy:
    case Code::kElsewhere: return Failure::kRetryLater;
    case Code::kUnknown: return Failure::kUnknown;
    case Code::kCorrupt: return Failure::kCorrupt;
    case Code::kCancelled: return Failure::kCancelled;
    case Code::kInvalid:
    case Code::kBroken: return Failure::kPermanent;
  }
  return Failure::kPermanent;
}

std::string_view failure_name(Failure failure) {
  switch (failure) {
    case Failure::kNotFound: return "not found";
    case Failure::kConflict: return "conflict";
    case Failure::kRetryLater: return "retry later";
    case Failure::kUnknown: return "unknown";
    case Failure::kCorrupt: return "corrupt";
    case Failure::kCancelled: return "cancelled";
    case Failure::kPermanent: return "permanent";
  }
  return "?";
}

Error not_found(std::string message) { return rejected(ENOENT, std::move(message)); }
Error conflict(std::string message) { return stale(std::move(message)); }
Error refused(int error, std::string message) { return rejected(error, std::move(message)); }

}  // namespace forebay::ufs
