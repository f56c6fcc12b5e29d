// What `forebay doctor` looks at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/shell.h"

namespace forebay::cli {

enum class Verdict : uint8_t { kGood, kWarning, kProblem };

struct Finding {
  std::string check;
  Verdict verdict;
  std::string found;  // what is the case
  std::string mend;   // what to do; empty when nothing is to be done
};

std::string_view verdict_name(Verdict verdict);

// Settings, master, ports, FUSE, disk space, limits, clock, names. Changes nothing.
std::vector<Finding> examine(Shell& shell);

}  // namespace forebay::cli
