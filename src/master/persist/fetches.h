// Blocks that somebody waits for: asked for, fetched beside whatever else goes on at their key, given up when nobody asks any
// more. One operation for each block, so that many workers share a file and many readers share a block.
#pragma once

#include "forebay/v1/persist.pb.h"
#include "master/persist/operations.h"

namespace forebay::master {

// The block is to have a copy. `problem` gets the reason why the last attempt failed, if it did.
Result<void> want_fetch(MutationContext& context, ObjectId block, std::string& problem);

// What came of it. The copy counts at once; a block whose version is no longer at its key is nowhere: its file is in conflict, or
// lost.
Result<std::string> finish_fetch(Ledger& ledger, const LiveOperation& operation, const v1::FinishOperationRequest& request);

// What was taken over from somebody else has no stamp of ours, and is ours by its identity.
v1::Seen as_seen(v1::Seen seen, const v1::OwnContent& expected);

}  // namespace forebay::master
