#include "master/cluster/copies.h"

#include <algorithm>
#include <string>

#include "master/extents/objects.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

ObjectId object_of(std::string_view key) { return ObjectId{read_big_endian(key.substr(1 + sizeof(uint64_t)))}; }

bool lists(const v1::ObjectRecord& record, WorkerId worker) {
  return std::ranges::find(record.workers(), worker.value) != record.workers().end();
}

bool has_damaged(const v1::ObjectRecord& record, WorkerId worker) {
  return std::ranges::find(record.damaged(), worker.value) != record.damaged().end();
}

void take_out(google::protobuf::RepeatedField<uint64_t>& workers, WorkerId worker) {
  workers.erase(std::remove(workers.begin(), workers.end(), worker.value), workers.end());
}

// The worker's copy is none any more. What there is of it goes with the object.
void count_as_damaged(kv::Txn& txn, WorkerId worker, ObjectId object, v1::ObjectRecord& record) {
  if (!has_damaged(record, worker)) record.add_damaged(worker.value);
  take_out(*record.mutable_workers(), worker);
  save_object(txn, object, record);
  txn.erase(key::copy(worker, object));
}

void order_removal(kv::Txn& txn, WorkerId worker, ObjectId object) {
  txn.put(key::copy(worker, object), {});
  txn.put(key::remove_duty(worker, object), {});
}

// A copy with other bytes than the record's is not counted any more. It is deleted only while a good one exists: of the last one,
// though damaged, something may be saved by hand, so it stays on its disk.
void reject_copy(kv::Txn& txn, WorkerId worker, ObjectId object, v1::ObjectRecord& record) {
  count_as_damaged(txn, worker, object, record);
  if (!record.workers().empty()) order_removal(txn, worker, object);
}

// Being written: its handle decides what is in it, and nothing about it is final.
bool being_written(const v1::ObjectRecord& record) { return !record.sealed() && record.handle() != 0; }

// What a sealed copy says of itself has to be what the record says, where that says anything.
bool fits(const v1::StoredObject& stored, const v1::ObjectRecord& record) {
  if (!record.sealed()) return stored.length() >= record.length();
  if (stored.sealed()) return stored.length() == record.length() && stored.crc32c() == record.crc32c();
  return stored.length() >= record.length();  // its seal was torn by a crash: sealing again will show
}

// An object without a writer is sealed by whoever has sealed it first; later copies have to agree.
void adopt_seal(kv::Txn& txn, ObjectId object, v1::ObjectRecord& record, uint64_t length, uint32_t crc) {
  record.set_sealed(true);
  record.set_length(length);
  record.set_crc32c(crc);
  save_object(txn, object, record);
}

// Of a copy that lost its seal: the bytes have to be those that were sealed.
void order_seal_again(kv::Txn& txn, WorkerId worker, ObjectId object, const v1::ObjectRecord& record) {
  std::string value;
  append_big_endian(value, record.length());
  if (!record.unverified()) append_big_endian(value, record.crc32c());
  txn.put(key::seal_duty(worker, object), std::move(value));
}

// A block that is being fetched looks complete before it is: its pieces come in any order. It becomes a copy by the commit that
// ends the fetch, and is none without its seal.
bool is_part_of_a_fetch(const v1::StoredObject& stored, const v1::ObjectRecord& record, WorkerId worker) {
  return record.stored_version() != 0 && !stored.sealed() && !lists(record, worker);
}

// Goes, unless somebody may still be at work on it.
Result<void> take_part_of_a_fetch(kv::Txn& txn, WorkerId worker, ObjectId object) {
  ASSIGN_OR_RETURN(const auto fetch, read_record<v1::FetchRecord>(txn, key::fetch(object)));
  if (!fetch || fetch->operation() == 0) order_removal(txn, worker, object);
  return {};
}

// `recorded`: there is a "P" already. Most of an inventory changes nothing, and then nothing is written.
Result<void> take_stored(kv::Txn& txn, WorkerId worker, const v1::StoredObject& stored, bool recorded) {
  ObjectId object{stored.object()};
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
  // Before it was sealed only those that were granted a copy can have one, also if it could not be read for a while.
  const bool came_back = record && !lists(*record, worker) && has_damaged(*record, worker);
  if (!record || (!lists(*record, worker) && !record->sealed() && !came_back)) {
    order_removal(txn, worker, object);
    return {};
  }
  if (being_written(*record)) return {};
  if (is_part_of_a_fetch(stored, *record, worker)) return take_part_of_a_fetch(txn, worker, object);
  if (!fits(stored, *record)) {
    reject_copy(txn, worker, object, *record);
    return {};
  }
  if (!lists(*record, worker)) {
    ASSIGN_OR_RETURN(const auto leaves, txn.get(key::remove_duty(worker, object)));
    if (leaves) return {};  // it was told so, and may do it at any time
    record->add_workers(worker.value);
    take_out(*record->mutable_damaged(), worker);
    save_object(txn, object, *record);
  }
  if (!recorded) txn.put(key::copy(worker, object), {});
  if (came_back && !record->sealed()) order_seal(txn, object, *record);
  if (record->sealed() && !stored.sealed()) order_seal_again(txn, worker, object, *record);
  return {};
}

// Nothing is to be done about it.
Result<bool> is_as_recorded(const kv::Reader& reader, WorkerId worker, const v1::StoredObject& stored, bool recorded) {
  ASSIGN_OR_RETURN(const std::optional<v1::ObjectRecord> record, load_object(reader, ObjectId{stored.object()}));
  if (!record) return false;
  if (being_written(*record) && lists(*record, worker)) return true;
  const bool seal_is_lost = record->sealed() && !stored.sealed();
  return lists(*record, worker) && fits(stored, *record) && recorded && !seal_is_lost;
}

Result<void> take_sealed(kv::Txn& txn, WorkerId worker, const v1::SealedByDuty& sealed) {
  ObjectId object{sealed.object()};
  txn.erase(key::seal_duty(worker, object));
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
  if (!record || being_written(*record) || !lists(*record, worker)) return {};
  if (!record->sealed()) {
    if (sealed.length() >= record->length()) adopt_seal(txn, object, *record, sealed.length(), sealed.crc32c());
    return {};
  }
  if (sealed.length() == record->length() && sealed.crc32c() == record->crc32c()) return {};
  reject_copy(txn, worker, object, *record);
  return {};
}

Result<void> take_damaged(kv::Txn& txn, WorkerId worker, ObjectId object) {
  txn.erase(key::seal_duty(worker, object));
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
  if (!record) {
    order_removal(txn, worker, object);  // nobody wants it, so nothing of it needs to be saved
    return {};
  }
  if (being_written(*record)) return {};
  count_as_damaged(txn, worker, object, *record);
  return {};
}

}  // namespace

Result<InventoryDifferences> compare_inventory(const kv::Reader& reader, WorkerId worker, const v1::ReportInventoryRequest& page,
                                               uint64_t from, uint64_t first_new_object, size_t most) {
  for (const v1::StoredObject& stored : page.objects()) {
    if (stored.object() < page.from() || stored.object() >= page.to())
      return invalid("object " + std::to_string(stored.object()) + " is outside of its page");
  }
  InventoryDifferences differences;
  std::vector<ObjectId> recorded;  // ascending
  TRY(reader.scan(key::copy(worker, ObjectId{from}), key::copy(worker, ObjectId{page.to()}),
                  [&](std::string_view key, std::string_view) {
                    if (recorded.size() == most) {
                      differences.next = object_of(key).value;
                      return false;
                    }
                    recorded.push_back(object_of(key));
                    return true;
                  }));
  auto at = recorded.begin();
  for (const v1::StoredObject& stored : page.objects()) {
    if (stored.object() < from) continue;
    if (differences.next && stored.object() >= *differences.next) break;
    for (; at != recorded.end() && at->value < stored.object(); ++at) {
      if (at->value < first_new_object) differences.unlisted.push_back(*at);
    }
    const bool is_recorded = at != recorded.end() && at->value == stored.object();
    if (is_recorded) ++at;
    ASSIGN_OR_RETURN(const bool same, is_as_recorded(reader, worker, stored, is_recorded));
    if (!same) differences.stored.push_back(stored);
  }
  for (; at != recorded.end(); ++at) {
    if (at->value < first_new_object) differences.unlisted.push_back(*at);
  }
  return differences;
}

Result<InventoryOutcome> take_differences(kv::Txn& txn, WorkerId worker, std::span<const v1::StoredObject> stored,
                                          std::span<const ObjectId> unlisted) {
  InventoryOutcome outcome;
  for (const v1::StoredObject& one : stored) {
    ASSIGN_OR_RETURN(const auto recorded, txn.get(key::copy(worker, ObjectId{one.object()})));
    TRY(take_stored(txn, worker, one, recorded.has_value()));
  }
  for (ObjectId object : unlisted) {
    ASSIGN_OR_RETURN(const auto recorded, txn.get(key::copy(worker, object)));
    if (!recorded) continue;
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
    if (record && being_written(*record)) continue;
    if (record && lists(*record, worker)) {
      outcome.missing.push_back(object);
    } else {
      txn.erase(key::copy(worker, object));  // it was to be deleted, and is gone
      txn.erase(key::remove_duty(worker, object));
    }
  }
  return outcome;
}

Result<void> take_done(kv::Txn& txn, WorkerId worker, const v1::WorkerHeartbeatRequest& done) {
  for (uint64_t removed : done.removed()) {
    txn.erase(key::remove_duty(worker, ObjectId{removed}));
    txn.erase(key::copy(worker, ObjectId{removed}));
  }
  for (const v1::SealedByDuty& sealed : done.sealed()) TRY(take_sealed(txn, worker, sealed));
  for (uint64_t damaged : done.damaged()) TRY(take_damaged(txn, worker, ObjectId{damaged}));
  return {};
}

bool says_anything(const v1::WorkerHeartbeatRequest& done) {
  return done.removed_size() + done.sealed_size() + done.damaged_size() != 0;
}

Result<bool> list_duties(const kv::Reader& reader, ScanStarts& starts, WorkerId worker, size_t most,
                         v1::WorkerHeartbeatReply& reply) {
  bool more = false;
  auto each_of = [&](char tag, size_t room, auto fill) -> Result<void> {
    const ScanStarts::Queue queue{tag, worker.value};
    const ScanStarts::Mark mark = starts.mark(queue);
    const uint64_t begin = std::max(starts.turn(queue), mark.from);
    uint64_t first = UINT64_MAX, next = 0;
    auto take = [&](std::string_view key, std::string_view value) {
      const uint64_t object = object_of(key).value;
      first = std::min(first, object);
      if (room == 0) {
        next = object;
        return false;
      }
      --room;
      v1::Duty& duty = *reply.add_duties();
      duty.set_object(object);
      fill(duty, value);
      return true;
    };
    TRY(reader.scan(key::numbers(tag, worker.value, begin), kv::prefix_end(key::numbers(tag, worker.value)), take));
    if (next == 0 && begin > mark.from)
      TRY(reader.scan(key::numbers(tag, worker.value, mark.from), key::numbers(tag, worker.value, begin), take));
    const bool saw_all_before = begin == mark.from || first < begin || next == 0;
    if (saw_all_before) starts.nothing_before(queue, mark, first);
    starts.next_turn(queue, next);
    more = more || next != 0;
    return {};
  };
  // Seals first, since somebody may wait for the bytes; but however many cannot be sealed now, space is given back.
  const size_t seals = most - most / 4;
  TRY(each_of('Y', seals, [](v1::Duty& duty, std::string_view value) {
    duty.set_seal(value.size() >= 8 ? read_big_endian(value.substr(0, 8)) : 0);
    if (value.size() == 16) duty.set_crc32c(static_cast<uint32_t>(read_big_endian(value.substr(8))));
  }));
  const size_t left = most - static_cast<size_t>(reply.duties_size());
  TRY(each_of('X', left, [](v1::Duty& duty, std::string_view) { duty.set_remove(true); }));
  return more;
}

}  // namespace forebay::master
