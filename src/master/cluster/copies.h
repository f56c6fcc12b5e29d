// What workers say about their copies, and what they are told to do: changes of "O", "P", "X" and "Y" records. Pure functions
// over a transaction, run by the commit loop; each is bounded by the size of its message and may be repeated.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "forebay/v1/cluster.pb.h"
#include "kv/txn.h"
#include "master/scan_starts.h"

namespace forebay::master {

// A page of an inventory against the records of [from, to), as `reader` shows them now: what is to be done about, whatever else
// changes meanwhile. Most of an inventory is as it is recorded, so the commit loop has next to nothing to do. Compared are the
// first `most` records from `from` on and what the page lists among them; `next`: where to go on, absent: that was all. Objects
// from `first_new_object` on may have been made after the page was written: that they are not listed says nothing. `invalid`: an
// object outside of its page.
struct InventoryDifferences {
  std::vector<v1::StoredObject> stored;
  std::vector<ObjectId> unlisted;
  std::optional<uint64_t> next;
};
Result<InventoryDifferences> compare_inventory(const kv::Reader& reader, WorkerId worker, const v1::ReportInventoryRequest& page,
                                               uint64_t from, uint64_t first_new_object, size_t most);

// Copies that the master did not count come back to their object if their bytes are the right ones; what no object names gets the
// duty to be deleted. `missing`: copies that should be there and are not listed, to be asked for.
struct InventoryOutcome {
  std::vector<ObjectId> missing;
};
Result<InventoryOutcome> take_differences(kv::Txn& txn, WorkerId worker, std::span<const v1::StoredObject> stored,
                                          std::span<const ObjectId> unlisted);

// What a heartbeat says was done: deleted copies leave the records; an object without a writer is sealed as its worker has sealed
// it; a damaged or missing copy is not counted any more (its file stays where it is until a good copy is elsewhere).
Result<void> take_done(kv::Txn& txn, WorkerId worker, const v1::WorkerHeartbeatRequest& done);
bool says_anything(const v1::WorkerHeartbeatRequest& done);

// Up to `most` duties of the worker, in turns of the order of their objects; true when there are more. `reader` shows the newest
// state.
Result<bool> list_duties(const kv::Reader& reader, ScanStarts& starts, WorkerId worker, size_t most,
                         v1::WorkerHeartbeatReply& reply);

}  // namespace forebay::master
