#include "master/extents/object_edit.h"

#include <algorithm>

namespace forebay::master {
namespace {

Error foreign(ObjectId object) { return invalid("object " + to_string(object) + " is not this handle's to commit"); }

}  // namespace

Result<ObjectEdit::Loaded*> ObjectEdit::load(ObjectId object) {
  auto found = objects_.find(object);
  if (found != objects_.end()) return &found->second;
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(context_.txn, object));
  if (!record) return nullptr;
  return &objects_.emplace(object, Loaded{*std::move(record)}).first->second;
}

Result<ObjectEdit::Loaded*> ObjectEdit::own(ObjectId object) {
  ASSIGN_OR_RETURN(Loaded * loaded, load(object));
  if (!loaded || loaded->record.inode() != handle_.inode.value) return foreign(object);
  return loaded;
}

bool ObjectEdit::is_granted(const v1::ObjectRecord& record) const {
  return record.handle() == handle_.id.value && !record.sealed();
}

Result<void> ObjectEdit::acknowledge(ObjectId object, uint64_t offset, uint64_t length) {
  if (length == 0 || length > kMaxFileSize || offset > kMaxFileSize - length) {
    return invalid("an extent of " + std::to_string(length) + " bytes at " + std::to_string(offset) + " of an object");
  }
  ASSIGN_OR_RETURN(Loaded * loaded, own(object));
  bool granted = is_granted(loaded->record);
  if (!granted) {
    ASSIGN_OR_RETURN(bool referred, content_.refers_to(object));
    if (!referred || loaded->record.handle() != 0) return foreign(object);
  }
  uint64_t end = offset + length;
  if (end > (granted ? loaded->record.granted_bytes() : loaded->record.length())) {
    return invalid("an extent beyond the end of object " + to_string(object));
  }
  if (granted && end > loaded->record.length()) {
    loaded->record.set_length(end);
    loaded->changed = true;
  }
  return {};
}

Result<void> ObjectEdit::seal(const v1::SealedObject& sealed) {
  ObjectId object{sealed.object()};
  ASSIGN_OR_RETURN(Loaded * loaded, own(object));
  v1::ObjectRecord& record = loaded->record;
  if (record.sealed() && record.length() == sealed.length() && record.crc32c() == sealed.crc32c()) return {};
  if (!is_granted(record)) return foreign(object);
  if (sealed.length() < record.length() || sealed.length() > record.granted_bytes()) {
    return invalid("object " + to_string(object) + " sealed at " + std::to_string(sealed.length()) + " bytes: " +
                   std::to_string(record.length()) + " are acknowledged, " + std::to_string(record.granted_bytes()) + " granted");
  }
  record.set_sealed(true);
  record.set_length(sealed.length());
  record.set_crc32c(sealed.crc32c());
  record.set_handle(0);
  loaded->changed = true;
  no_longer_granted(object);
  content_.examine(object);
  return {};
}

Result<void> ObjectEdit::give_back(ObjectId object) {
  ASSIGN_OR_RETURN(Loaded * loaded, load(object));
  if (!loaded) return {};
  if (!is_granted(loaded->record) || loaded->record.length() != 0) return foreign(object);
  TRY(remove_object(context_.txn, object, loaded->record));
  objects_.erase(object);
  no_longer_granted(object);
  return {};
}

void ObjectEdit::no_longer_granted(ObjectId object) {
  auto& granted = *handle_.record.mutable_granted();
  granted.erase(std::remove(granted.begin(), granted.end(), object.value), granted.end());
  handle_changed_ = true;
}

void ObjectEdit::save() {
  for (const auto& [object, loaded] : objects_) {
    if (loaded.changed) save_object(context_.txn, object, loaded.record);
  }
}

}  // namespace forebay::master
