#include "master/persist/restored.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/objects.h"
#include "master/namespace/inode.h"
#include "master/persist/stored_content.h"

namespace forebay::master {
namespace {

Result<bool> has(const kv::Reader& reader, const std::string& key) {
  ASSIGN_OR_RETURN(const auto value, reader.get(key));
  return value.has_value();
}

// A copy that nobody knows of, and nobody wants.
void order_removal(kv::Txn& txn, ObjectId object, const v1::RestoredObject& restored) {
  for (const uint64_t worker : restored.workers()) {
    txn.put(key::copy(WorkerId{worker}, object), {});
    txn.put(key::remove_duty(WorkerId{worker}, object), {});
  }
}

Result<void> delay_intent(Ledger& ledger, const v1::IntentPlace& place, Duration delay, const v1::Failed& failed) {
  ASSIGN_OR_RETURN(auto intent, read_record<v1::IntentRecord>(ledger.txn(), key::intent(place.due_ns(), place.sequence())));
  if (!intent) return {};
  intent->set_attempts(intent->attempts() + 1);
  intent->set_last_error(failed.error());
  intent->set_permanent(failed.permanent());
  return ledger.postpone(*intent, delay);
}

}  // namespace

Result<Restored> add_copies(kv::Txn& txn, ObjectId object, const v1::RestoredObject& restored) {
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
  if (!record) {
    order_removal(txn, object, restored);
    return Restored::kUnwanted;
  }
  if (record->unverified()) {
    record->set_crc32c(restored.crc32c());
    record->clear_unverified();
  }
  if (record->crc32c() != restored.crc32c()) {
    order_removal(txn, object, restored);
    return Restored::kOtherBytes;
  }
  bool added = false;
  for (const uint64_t worker : restored.workers()) {
    added = true;
    if (std::ranges::find(record->workers(), worker) != record->workers().end()) continue;
    // The worker was told to delete this copy, and may do so at any time.
    ASSIGN_OR_RETURN(const bool leaves, has(txn, key::remove_duty(WorkerId{worker}, object)));
    added = !leaves;
    if (leaves) continue;
    record->add_workers(worker);
    txn.put(key::copy(WorkerId{worker}, object), {});
  }
  save_object(txn, object, *record);
  return added ? Restored::kAdded : Restored::kLeaves;
}

Result<void> take_restored(Ledger& ledger, InodeId inode, Version version,
                           const google::protobuf::RepeatedPtrField<v1::RestoredObject>& restored) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(ledger.txn(), key::sealed_extents(inode, version)));
  const ObjectIds objects = list.objects();
  for (const v1::RestoredObject& each : restored) {
    const ObjectId object{each.object()};
    if (!std::ranges::binary_search(objects, object)) {  // compacted meanwhile
      ASSIGN_OR_RETURN(const std::optional<v1::ObjectRecord> other, load_object(ledger.txn(), object));
      if (!other) order_removal(ledger.txn(), object, each);
      continue;
    }
    ASSIGN_OR_RETURN(const Restored added, add_copies(ledger.txn(), object, each));
    if (added == Restored::kOtherBytes) {
      return corrupt("object " + to_string(object) + " was restored with other bytes than it was sealed with");
    }
  }
  return note_present(ledger.txn(), inode);
}

Result<void> note_present(kv::Txn& txn, InodeId inode) {
  constexpr size_t kMostPieces = 4096;  // looked at after each block of it; a file of more keeps the mark
  ASSIGN_OR_RETURN(auto record, read_record<v1::InodeRecord>(txn, key::inode(inode)));
  if (!record || !record->absent()) return {};
  const Version version{record->version()};
  ASSIGN_OR_RETURN(const ExtentList list, load_list(txn, key::sealed_extents(inode, version)));
  if (list.pieces().size() > kMostPieces) return {};
  ASSIGN_OR_RETURN(const bool cached, is_cached(txn, inode, version));
  if (!cached) return {};
  record->clear_absent();
  save_inode(txn, inode, *record);
  return {};
}

Result<void> forget_lost(Ledger& ledger, uint64_t id) {
  ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
  if (!binding || !binding->has_intent()) return {};
  const std::string name = key::intent(binding->intent().due_ns(), binding->intent().sequence());
  ASSIGN_OR_RETURN(auto intent, read_record<v1::IntentRecord>(ledger.txn(), name));
  if (!intent || !intent->lost()) return {};
  intent->clear_lost();
  intent->clear_permanent();
  intent->clear_last_error();
  return ledger.postpone(*intent, {});
}

Result<void> delay_waiting(Ledger& ledger, InodeId inode, uint64_t mount, const std::string& key, Duration delay,
                           const v1::Failed& failed) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
    if (binding && binding->has_intent()) TRY(delay_intent(ledger, v1::IntentPlace(binding->intent()), delay, failed));
  }
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(mount, key));
  if (at->has_clear()) TRY(delay_intent(ledger, v1::IntentPlace(at->clear()), delay, failed));
  return {};
}

}  // namespace forebay::master
