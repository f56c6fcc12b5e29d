// The journal of a master that stands alone.
#pragma once

#include "journal/journal.h"

namespace forebay::journal {

// The store's own write-ahead log is the journal: a batch is one write, appended on the caller's thread; sync() goes to the
// blocking executor. The store belongs to the master and outlives this. After a failure other than a full disk both answer
// `broken`, because the store does.
class LocalJournal : public Journal {
 public:
  LocalJournal(kv::Store& store, async::Executor blocking) : store_(store), blocking_(std::move(blocking)) {}
  Task<Result<void>> append(const kv::WriteBatch* batch) override;
  Task<Result<void>> sync() override;

 private:
  kv::Store& store_;
  async::Executor blocking_;
};

}  // namespace forebay::journal
