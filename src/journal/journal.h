// Seam: the ordered log of metadata changes.
#pragma once

#include "async/task.h"
#include "kv/store.h"

namespace forebay::journal {

// Appends batches in order and applies each to the store. One caller: the commit loop. `busy` and `rejected` (a full disk) say
// that nothing was appended. After any other error nothing more is accepted (`broken`): whether the batch is in the journal is
// not known.
class Journal {
 public:
  virtual ~Journal() = default;
  // The batch is in the journal (survives the death of this process; with replication: is on a quorum) and visible in the store.
  // It stays the caller's, unchanged until the call returns.
  virtual Task<Result<void>> append(const kv::WriteBatch* batch) = 0;
  // Everything appended before the call survives power loss. May run beside append().
  virtual Task<Result<void>> sync() = 0;
};

}  // namespace forebay::journal
