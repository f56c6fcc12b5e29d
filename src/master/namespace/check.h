// Does the metadata agree with itself? Read-only; used by fsck and by every test of the operations.
#pragma once

#include <string>
#include <vector>

#include "kv/store.h"
#include "master/operation.h"

namespace forebay::master {

struct CheckStep {
  std::vector<std::string> problems;  // each names the record, and what is wrong with it
  std::vector<std::string> lost;      // sound records of bytes that no worker holds any more
  uint64_t checked = 0;               // records
  std::string cursor;                 // where the next step begins; empty: finished
};

// Checks about `budget` records from `cursor` on (empty: from the beginning), each against those it refers to: entries, inodes,
// handles, extent lists, objects, copies, duties, sessions and outcomes. A step sees one state; between steps it may change,
// which is not reported as damage. Numbers that only a whole pass shows (links of files, inodes) are left to check_totals.
Result<CheckStep> check_step(const kv::Reader& reader, std::string_view cursor, size_t budget);

// Link counts of all inodes, and their number, at one state. Memory is bounded while they agree; otherwise it grows with the
// number of inodes, to say which are wrong.
Result<std::vector<std::string>> check_totals(const kv::Reader& reader);

// All of the above at one state.
Result<std::vector<std::string>> check_all(const kv::Reader& reader);

}  // namespace forebay::master
