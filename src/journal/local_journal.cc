#include "journal/local_journal.h"

namespace forebay::journal {

Task<Result<void>> LocalJournal::append(const kv::WriteBatch* batch) { co_return store_.write(*batch); }

Task<Result<void>> LocalJournal::sync() {
  auto blocking_sync = [store = &store_] { return store->sync(); };
  co_return co_await async::run_blocking(blocking_, blocking_sync);
}

}  // namespace forebay::journal
