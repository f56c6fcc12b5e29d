// The check behind `forebay admin fsck`.
#pragma once

#include <string>
#include <vector>

#include "cli/fsck/peer.h"
#include "cli/shell.h"

namespace forebay::cli {

struct FsckProblem {
  std::string where;    // "metadata", "worker 3"
  uint64_t object = 0;  // 0: the text names it
  std::string problem;
};
struct FsckFindings {
  std::vector<FsckProblem> problems;   // the first 10,000
  std::vector<std::string> unchecked;  // what could not be asked, and why
  uint64_t records = 0, objects = 0, stored_keys = 0, to_be_removed = 0, reclaiming = 0;
};

// Asks the master to check its metadata, piece by piece, and compares what each live worker and each under store has with it.
// Changes nothing, and the cluster goes on meanwhile: what one look at a worker finds may be on its way, so only what a second
// look, some seconds later, finds again is a problem. An error: the master could not be asked.
Result<FsckFindings> check_cluster(Shell& shell);

}  // namespace forebay::cli
