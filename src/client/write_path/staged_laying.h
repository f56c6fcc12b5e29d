// Telling the master what is in a staged object.
#pragma once

#include <vector>

#include "client/client.h"
#include "client/write_path/staged_object.h"
#include "forebay/v1/namespace.pb.h"

namespace forebay::client {

// A commit of a staged object's content through the handle that the object was granted to.
struct StagedLaying {
  InodeId inode;
  Identity who;
  SessionId session;
  std::vector<os::StoredRange> ranges;  // ascending, apart; none: nothing is laid
  v1::CommitRequest request;            // the rest of it
};

// As long as nobody else changes the file, its whole content is told again each time: which part of it is new, nobody knows. Once
// somebody has, what they wrote stays, byte for byte, and the rest is laid around it. By the file's committing lock. `stale`:
// others change it again and again (100 times), or the session is over. Limit: what is laid around others' is in 4,000 pieces at
// most.
Task<Result<v1::CommitReply>> lay_staged(Core* core, std::shared_ptr<StagedObject> staged, StagedLaying laying);

// `ranges` (ascending, apart) without [begin, end).
std::vector<os::StoredRange> without(const std::vector<os::StoredRange>& ranges, uint64_t begin, uint64_t end);

}  // namespace forebay::client
