#include "master/persist/restored.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/objects.h"

namespace forebay::master {
namespace {

Result<void> add_copies(kv::Txn& txn, ObjectId object, const v1::RestoredObject& restored) {
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
  if (!record) return {};
  if (record->unverified()) {
    record->set_crc32c(restored.crc32c());
    record->clear_unverified();
  }
  if (record->crc32c() != restored.crc32c()) {
    return corrupt("object " + to_string(object) + " was restored with other bytes than it was sealed with");
  }
  for (const uint64_t worker : restored.workers()) {
    if (std::ranges::find(record->workers(), worker) != record->workers().end()) continue;
    record->add_workers(worker);
    txn.put(key::copy(WorkerId{worker}, object), {});
    txn.erase(key::remove_duty(WorkerId{worker}, object));
  }
  save_object(txn, object, *record);
  return {};
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

Result<void> take_restored(Ledger& ledger, InodeId inode, Version version,
                           const google::protobuf::RepeatedPtrField<v1::RestoredObject>& restored) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(ledger.txn(), key::sealed_extents(inode, version)));
  const ObjectIds objects = list.objects();
  for (const v1::RestoredObject& each : restored) {
    const ObjectId object{each.object()};
    if (!std::ranges::binary_search(objects, object)) continue;  // compacted meanwhile: nobody's any more
    TRY(add_copies(ledger.txn(), object, each));
  }
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
