// Commands that change each of several things say what they did in one way.
#pragma once

#include <functional>

#include "cli/names.h"

namespace forebay::cli {

// Does it for every path (patterns expanded if asked), goes on after failures, prints `verb path` or, as JSON, the paths done.
Result<int> for_each_path(Shell& shell, const std::vector<std::string>& patterns, bool expand_patterns, const std::string& verb,
                          const std::function<Result<void>(const std::string&)>& act);

}  // namespace forebay::cli
