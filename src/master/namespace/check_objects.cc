#include "master/namespace/check_objects.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/inline.h"
#include "master/extents/objects.h"
#include "master/namespace/inode.h"
#include "master/persist/check.h"
#include "master/persist/pins.h"

namespace forebay::master {

namespace {

bool is_copy(const std::optional<v1::ObjectRecord>& object, uint64_t worker) {
  return object && std::ranges::find(object->workers(), worker) != object->workers().end();
}

}  // namespace

// Every piece has an object of this inode that holds so much. A removed inode's objects may have been freed already.
Result<void> ObjectCheck::check_list(const StoredRecord& stored) {
  InodeId inode{stored.number(0)};
  bool sealed = stored.key[0] == 'V';
  std::string name =
      (sealed ? "version " + std::to_string(stored.number(1)) + " of " : "content of ") + named("inode", inode.value);
  auto record = notes_.parse<v1::ExtentListRecord>(stored);
  if (!record) return {};
  auto list = ExtentList::from_record(*record);
  ASSIGN_OR_RETURN(auto owner, notes_.find<v1::InodeRecord>(key::inode(inode)));
  if (!list) notes_.problem(name, ": ", list.error().message());
  if (!owner) notes_.problem(name, " is nobody's");
  if (!list || !owner) return {};
  if (sealed && owner->version() != stored.number(1)) {
    ASSIGN_OR_RETURN(const bool pinned, is_pinned(notes_.reader, inode, *owner, Version{stored.number(1)}));
    if (!pinned) notes_.problem(name, " is not the newest");
  }
  if (!sealed && !owner->dirty()) notes_.problem(name, " is kept though it is sealed");
  if (!is_linked(*owner)) return {};
  for (const Piece& piece : list->pieces()) {
    ASSIGN_OR_RETURN(auto object, notes_.find<v1::ObjectRecord>(key::object(piece.object)));
    std::string where = name + " at " + std::to_string(piece.offset) + ": " + named("object", piece.object.value);
    if (!object) {
      notes_.problem(where, " does not exist");
    } else if (object->inode() != inode.value) {
      notes_.problem(where, " is another inode's");
    } else if (piece.object_offset + piece.length > object->length()) {
      notes_.problem(where, " is too short");
    }
  }
  return {};
}

Result<const ObjectIds*> ObjectCheck::objects_of(InodeId inode) {
  if (cached_inode_ == inode) return &cached_objects_;
  cached_inode_ = inode;
  cached_objects_.clear();
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::InodeRecord>(key::inode(inode)));
  if (!record) return &cached_objects_;
  std::vector<std::string> keys{key::sealed_extents(inode, Version{record->version()}), key::working_extents(inode)};
  if (record->pins() != 0) {
    ASSIGN_OR_RETURN(const std::vector<Version> versions, pinned_versions(notes_.reader, inode));
    for (const Version version : versions) keys.push_back(key::sealed_extents(inode, version));
  }
  for (const std::string& key : keys) {
    auto list = load_list(notes_.reader, key);
    if (list) std::ranges::copy(list->objects(), std::back_inserter(cached_objects_));
  }
  std::ranges::sort(cached_objects_);
  return &cached_objects_;
}

// What one change left behind in great number waits in a removed inode of its own.
Result<bool> ObjectCheck::is_in_husk(ObjectId object) {
  ASSIGN_OR_RETURN(std::vector<StoredRecord> detached, notes_.next("N", kv::prefix_end("N"), SIZE_MAX));
  for (const StoredRecord& stored : detached) {
    ASSIGN_OR_RETURN(const ObjectIds* objects, objects_of(InodeId{stored.number(0)}));
    if (std::ranges::binary_search(*objects, object)) return true;
  }
  return false;
}

Result<bool> ObjectCheck::is_referenced(ObjectId object, const v1::ObjectRecord& record) {
  if (record.handle() != 0) {
    ASSIGN_OR_RETURN(auto handle, notes_.find<v1::HandleRecord>(key::handle(InodeId{record.inode()}, HandleId{record.handle()})));
    return handle && std::ranges::find(handle->granted(), object.value) != handle->granted().end();
  }
  ASSIGN_OR_RETURN(const ObjectIds* objects, objects_of(InodeId{record.inode()}));
  if (std::ranges::binary_search(*objects, object)) return true;
  return is_in_husk(object);
}

Result<void> ObjectCheck::check_inline(const StoredRecord& stored) {
  const ObjectId object{stored.number(0)};
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::ObjectRecord>(key::object(object)));
  if (!record || !record->inlined()) notes_.problem("inline content of ", named("object", object.value), " is nobody's");
  return {};
}

Result<void> ObjectCheck::check_object(const StoredRecord& stored) {
  ObjectId object{stored.number(0)};
  auto record = notes_.parse<v1::ObjectRecord>(stored);
  if (!record) return {};
  std::string name = named("object", object.value);
  ASSIGN_OR_RETURN(bool referenced, is_referenced(object, *record));
  if (!referenced) notes_.problem(name, " is in no file");
  if (record->sealed() && record->handle() != 0) notes_.problem(name, " is sealed and being written");
  if (record->length() > record->granted_bytes()) notes_.problem(name, " is longer than was granted");
  if (record->inlined()) TRY(check_inline_object(notes_.reader, object, *record, notes_.problems));
  bool elsewhere = is_kept(*record) || record->length() == 0;
  if (!elsewhere) {
    ASSIGN_OR_RETURN(elsewhere, is_in_under_store(notes_.reader, *record));
  }
  if (!elsewhere)
    notes_.loss(name + " has no copy left: " + std::to_string(record->length()) + " bytes of inode " +
                std::to_string(record->inode()) + " are lost");
  bool wants_seal = !record->sealed() && record->handle() == 0;
  for (uint64_t worker : record->workers()) {
    ASSIGN_OR_RETURN(auto copy, notes_.reader.get(key::copy(WorkerId{worker}, object)));
    if (!copy) notes_.problem(name, " is not listed as a copy of worker ", std::to_string(worker));
    ASSIGN_OR_RETURN(auto duty, notes_.reader.get(key::seal_duty(WorkerId{worker}, object)));
    // A sealed object may have one: its other copies are sealed later, and a seal that a crash tore is repeated.
    if (wants_seal && !duty) notes_.problem(name, " lacks a duty to be sealed at worker ", std::to_string(worker));
  }
  return {};
}

Result<void> ObjectCheck::check_copy(const StoredRecord& stored) {
  uint64_t worker = stored.number(0);
  ObjectId object{stored.number(1)};
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::ObjectRecord>(key::object(object)));
  if (is_copy(record, worker)) return {};
  ASSIGN_OR_RETURN(auto duty, notes_.reader.get(key::remove_duty(WorkerId{worker}, object)));
  if (!duty)
    notes_.problem("copy of ", named("object", object.value), " at worker ", std::to_string(worker), " is in no file and stays");
  return {};
}

Result<void> ObjectCheck::check_duty(const StoredRecord& stored) {
  uint64_t worker = stored.number(0);
  ObjectId object{stored.number(1)};
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::ObjectRecord>(key::object(object)));
  std::string name = named(stored.key[0] == 'X' ? "removal duty of worker" : "seal duty of worker", worker) + " for " +
                     named("object", object.value);
  if (stored.key[0] == 'X') {
    if (is_copy(record, worker)) notes_.problem(name, ", which is in use");
    return {};
  }
  if (!is_copy(record, worker)) {
    notes_.problem(name, ", which it does not have");
  } else if (record->handle() != 0) {
    notes_.problem(name, ", which is being written");
  } else if (stored.value.size() < sizeof(uint64_t) || read_big_endian(stored.value) != record->length()) {
    notes_.problem(name, " has another length");
  } else if (const std::string_view crc = std::string_view(stored.value).substr(sizeof(uint64_t));
             !crc.empty() && (crc.size() != sizeof(uint64_t) || !record->sealed() || read_big_endian(crc) != record->crc32c())) {
    notes_.problem(name, " has another checksum");
  }
  return {};
}

}  // namespace forebay::master
