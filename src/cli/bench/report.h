// What a measurement prints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/bench/phase.h"
#include "cli/output.h"

namespace forebay::cli {

// `limit`: the same phases on the medium, if it was measured.
std::string phases_table(const std::vector<Phase>& phases, const std::optional<std::vector<Phase>>& limit,
                         const std::string& limit_name);
Json phases_json(const std::vector<Phase>& phases, const std::optional<std::vector<Phase>>& limit);

}  // namespace forebay::cli
