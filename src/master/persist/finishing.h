// From what the store said to what is recorded.
#pragma once

#include "master/persist/operations.h"

namespace forebay::master {

// One end of an operation. Runs in one step of the commit loop; the ledger is saved by the caller. Answers what came of it, in a
// word or two.
Result<std::string> finish(Ledger& ledger, const LiveOperation& operation, const v1::FinishOperationRequest& request);

// -- conflicts --
// A foreign object is where the binding's object belongs: both stay, until somebody decides or the entry moves.
void park(Ledger& ledger, uint64_t id, v1::BindingRecord& binding, const Target& target, const v1::Foreign& theirs);
// Ours goes to a name beside theirs.
Result<void> set_aside(Ledger& ledger, v1::BindingRecord& binding, uint64_t version);
// Theirs becomes the newest version of the binding's file, not in the cache yet. Saves the ledger, and what it changes itself:
// nothing may be changed in it afterwards. `busy` while somebody writes the file.
Result<void> adopt(Ledger& ledger, uint64_t id, const Target& target, const v1::Foreign& theirs);

}  // namespace forebay::master
