// The trace of an operation of persistence, which every role knows by its number.
#pragma once

#include <string_view>

#include "base/hash.h"
#include "base/trace_id.h"

namespace forebay {

// The same in all roles, whoever asks, before and after restarts; another one in every other cluster. So what master, coordinator
// and workers say about an operation can be found together, and nothing has to be recorded or sent for that.
inline TraceId trace_of_operation(std::string_view cluster, uint64_t operation) { return {hash64(cluster), operation}; }

}  // namespace forebay
