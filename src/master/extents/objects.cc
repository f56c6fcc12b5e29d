#include "master/extents/objects.h"

#include "master/extents/inline.h"

namespace forebay::master {

Result<std::optional<v1::ObjectRecord>> load_object(const kv::Reader& reader, ObjectId object) {
  return read_record<v1::ObjectRecord>(reader, key::object(object));
}

void save_object(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record) {
  write_record(txn, key::object(object), record);
}

Result<v1::Grant> grant_object(MutationContext& context, InodeId inode, HandleId handle, const v1::Placement& wanted) {
  if (wanted.bytes() == 0 || wanted.bytes() > INT64_MAX)
    return invalid("an object of " + std::to_string(wanted.bytes()) + " bytes");
  const uint64_t intake = context.placer.intake(context.caller.session);
  v1::Placement possible = wanted;
  // What the kernel writes by itself cannot be slowed. Where others have the file open as it is, there is no other way.
  if (intake != 0 && !wanted.fork()) possible.set_staged(false);
  ASSIGN_OR_RETURN(Placer::Placed placed, context.placer.place(possible));
  ASSIGN_OR_RETURN(uint64_t id, context.next_id("object"));
  v1::ObjectRecord record;
  record.set_inode(inode.value);
  record.set_handle(handle.value);
  record.set_granted_bytes(placed.staged ? kStagedBytes : placed.bytes);
  v1::Grant grant;
  grant.set_object(id);
  grant.set_bytes(record.granted_bytes());
  grant.set_staged(placed.staged);
  grant.set_intake(intake);
  for (WorkerId worker : placed.workers) {
    record.add_workers(worker.value);
    grant.add_workers(worker.value);
    context.txn.put(key::copy(worker, ObjectId{id}), {});
  }
  save_object(context.txn, ObjectId{id}, record);
  return grant;
}

Result<void> remove_object(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record) {
  for (uint64_t worker : record.workers()) {
    if (record.handle() == 0) txn.erase(key::seal_duty(WorkerId{worker}, object));
    txn.put(key::remove_duty(WorkerId{worker}, object), {});
  }
  if (record.stored_version() != 0) txn.erase(key::fetch(object));
  for (uint64_t worker : record.damaged()) {
    txn.put(key::copy(WorkerId{worker}, object), {});
    txn.put(key::remove_duty(WorkerId{worker}, object), {});
  }
  txn.erase(key::object(object));
  return record.inlined() ? erase_inline_content(txn, object, record) : Result<void>{};
}

void order_seal(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record) {
  for (uint64_t worker : record.workers()) {
    std::string length;
    append_big_endian(length, record.length());
    txn.put(key::seal_duty(WorkerId{worker}, object), std::move(length));
  }
}

v1::ObjectLocation location_of(ObjectId object, const v1::ObjectRecord& record) {
  v1::ObjectLocation location;
  location.set_object(object.value);
  *location.mutable_workers() = record.workers();
  location.set_sealed(record.sealed());
  location.set_length(record.length());
  if (record.inlined()) {
    location.set_inlined(true);
    location.set_crc32c(record.crc32c());
  }
  if (record.stored_version() == 0 || !record.workers().empty()) return location;
  location.set_stored_version(record.stored_version());
  location.set_stored_offset(record.stored_offset());
  if (!record.unverified()) location.set_crc32c(record.crc32c());
  return location;
}

}  // namespace forebay::master
