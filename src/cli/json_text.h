// JSON as commands print it.
#pragma once

#include <string>

#include "cli/output.h"

namespace forebay::cli {

// As nlohmann writes it, but strings may hold any bytes, as names of files do: one that is part of no UTF-8 character is written
// as the lone surrogate U+DC80 to U+DCFF whose last two digits it is ("\udcff"). So none is lost, and no two names look alike:
// Python's os.fsencode(json.loads(…)) gives the bytes back. Less than 0 for `indent`: on one line.
std::string json_text(const Json& value, int indent = -1);

}  // namespace forebay::cli
