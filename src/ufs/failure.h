// What went wrong with a call to an under store, in terms of what its caller does next.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace forebay::ufs {

// | failure        | Status                 | means, and what the caller does | | kNotFound      | rejected ENOENT        | no
// such key (for calls on an upload: no such upload: completed, aborted, fenced)    | | kConflict      | stale ESTALE           |
// the condition did not hold (412, a race: 409): nothing done; look at the key        | | kRetryLater    | busy | surely not done
// (503, SlowDown, no connection, breaker open): again after a pause   | | kUnknown       | unknown_outcome        | may have been
// done (connection lost after the request went out, 500, time out): look | | kCorrupt       | corrupt                | fewer or
// other bytes arrived than the store announced: read again                   | | kCancelled     | cancelled              | the
// caller's own token; a write may have been done                                  | | kPermanent     | the rest               |
// does not pass by itself (403, no such bucket, name refused, too large, disk full):   | |                | | shown to people
// with the store's own code and message, tried again rarely           |
enum class Failure : unsigned char { kNotFound, kConflict, kRetryLater, kUnknown, kCorrupt, kCancelled, kPermanent };

Failure failure_of(const Status& status);
std::string_view failure_name(Failure failure);

// Constructors for stores.
Error not_found(std::string message);
Error conflict(std::string message);
// A permanent refusal; EACCES, ENAMETOOLONG, EFBIG, ENXIO (no such bucket), EINVAL, EOPNOTSUPP.
Error refused(int error, std::string message);

}  // namespace forebay::ufs
