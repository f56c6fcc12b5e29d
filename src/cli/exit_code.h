// What the process ends with (docs/reference/cli.md).
#pragma once

#include "base/status.h"

namespace forebay::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;       // the operation failed; `fs test`: the condition does not hold
inline constexpr int kExitUsage = 2;        // wrong command line or configuration: the same again will fail again
inline constexpr int kExitUnreachable = 3;  // no master answers; `local status`: the cluster does not run
inline constexpr int kExitPartial = 4;      // some of several things failed; each was named on standard error

inline int exit_code_of(const Status& status) {
  switch (status.code()) {
    case Code::kInvalid: return kExitUsage;
    case Code::kElsewhere:
    case Code::kUnknown: return kExitUnreachable;
    default: return kExitFailed;
  }
}

}  // namespace forebay::cli
