// Preparing a cluster that has just been started.
#pragma once

#include <functional>

#include "cli/persist/mounting.h"
#include "config/settings.h"

namespace forebay::cli {

// Runs `act` with a client of the cluster that the settings name, started and stopped for it. What that needs is done by two
// threads of its own.
Result<void> with_client(const config::Settings& settings, const std::function<Result<void>(const Access&)>& act);

}  // namespace forebay::cli
