// Whether the roles of a local cluster answer.
#pragma once

#include <string>

#include "cli/local/plan.h"
#include "cli/output.h"

namespace forebay::cli {

// What a role, as state.json has it, says when it is asked now: empty, or why it cannot be used. A master and a coordinator are
// asked by a call, as commands ask them; a worker and a mount whether they are ready. Waits 5 s at most. Needs nothing but the
// host: any thread, but it blocks.
std::string asked_now(const Json& role);

}  // namespace forebay::cli
