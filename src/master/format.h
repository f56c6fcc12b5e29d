// The first record of every metadata store ("F"): what format it has, and whose it is.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "kv/store.h"
#include "os/clock.h"
#include "os/random.h"

namespace forebay::master {

// The cluster id. An empty store gets a new one, the root directory, and `boot` for its numbers (master/numbers.h), synced.
// `corrupt`: records without "F", or one that does not parse; `invalid`: of a newer format.
Result<std::string> open_format(kv::Store& store, os::Random& random, os::WallTime now, std::string_view boot);

}  // namespace forebay::master
