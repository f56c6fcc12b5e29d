// The compaction of one file.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "client/client.h"
#include "client/compaction/compactor.h"
#include "client/extent_map.h"
#include "client/file_state.h"

namespace forebay::client {

struct Core;

// Extents and bytes of the slices that were rewritten.
struct CompactionOutcome {
  uint64_t extents_before = 0, extents_after = 0, rewritten_bytes = 0;
};

// Goes through a file page by page and swaps runs of small extents, and what is left in mostly dead objects, for extents of new
// objects. Each slice is one commit on the condition that the layout is the one it was read at: whatever else changed the file
// makes it `stale`, and the page is looked at again; from the second time on nothing of this client is committed between look and
// commit. New objects are sealed and synced before the commit, which is synced too, so that nothing durable becomes less so. The
// handle that it opens takes unfinished objects along, whenever it ends: by the close here, or with the session. A failure ends
// it. Owned by the Compactor, for one run(). Limits: memory, twice compact_slice_bytes, out of the write budget; 4,096 extents in
// a slice.
class Compaction {
 public:
  Compaction(Core& core, CompactionRequest request);
  ~Compaction();
  Task<Result<void>> run();
  const CompactionOutcome& outcome() const { return outcome_; }

 private:
  using Locations = std::map<ObjectId, std::vector<WorkerId>>;
  struct Page {
    uint64_t layout = 0, size = 0;
    bool more = false;
    std::vector<Extent> extents;
    Locations locations;
    std::map<ObjectId, std::string> inlined;  // what inline objects contain
  };
  struct Written {
    ObjectId object;
    uint64_t length = 0;
    uint32_t crc32c = 0;
    std::vector<WorkerId> workers;
  };

  Task<Result<void>> run_open();
  Task<Result<void>> find_dead_objects();
  Task<Result<v1::Layout>> fetch(uint64_t offset);
  Task<Result<Page>> look(uint64_t offset);
  Task<Result<std::optional<uint64_t>>> step(uint64_t offset, bool alone);
  Task<Result<void>> rewrite(const Page* page, std::vector<Extent> slice, bool alone, BudgetShare* memory);
  Task<Result<void>> read(const Page* page, std::vector<Extent> slice, MutableBytes into);
  Task<Result<Written>> write(Bytes bytes, BudgetShare* memory);
  static Task<Result<uint32_t>> fill(std::shared_ptr<ObjectWriter> object, Bytes bytes, BudgetShare* memory);
  static Task<void> give_back(Core* core, HandleId handle, SessionId session, ObjectId object);
  Task<Result<v1::CommitReply>> commit(uint64_t layout, std::vector<v1::NewExtent> extents, Written written);
  bool stopping() const;

  Core& core_;
  const CompactionRequest request_;
  const Identity superuser_;
  const std::shared_ptr<FileState> state_;  // shared with those who have the file open here, and with the table
  HandleId handle_;
  SessionId session_;
  std::set<ObjectId> dead_;
  CompactionOutcome outcome_;
};

}  // namespace forebay::client
