// Where to begin to look for records that come and go.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "base/ids.h"
#include "kv/store.h"

namespace forebay::master {

// For the duties of each worker ("X", "Y") and for detached inodes ("N"), a number before which there is none. They are worked
// off in the order of their numbers, and what was erased stays in the store as tombstones until a compaction: without this every
// look would walk over all of them again, and the removal of a million files would cost the square of it. In memory only: after a
// start the first look is long. And where the next listing of a queue that is longer than one begins, so that what cannot be
// worked off now keeps nobody else waiting. Owned by the Master. Any thread. Limit: two entries of each kind for each worker.
class ScanStarts {
 public:
  struct Queue {
    char kind = 'N';
    uint64_t owner = 0;  // the worker, or 0
    auto operator<=>(const Queue&) const = default;
  };
  struct Mark {
    uint64_t from = 0;
    uint64_t additions = 0;
  };
  // Called with every batch after it has become visible.
  void look(const kv::WriteBatch& committed);

  Mark mark(Queue queue) const;  // before a scan, which then begins at `from`
  // The scan found `first` and nothing before it. Without effect when something was added since the mark.
  void nothing_before(Queue queue, Mark mark, uint64_t first);

  uint64_t turn(Queue queue) const;  // 0: at the first
  void next_turn(Queue queue, uint64_t from);

 private:
  mutable std::mutex mutex_;
  std::map<Queue, Mark> marks_;
  std::map<Queue, uint64_t> turns_;
};

}  // namespace forebay::master
