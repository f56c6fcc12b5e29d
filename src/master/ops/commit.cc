#include <algorithm>
#include <map>

#include "master/extents/handles.h"
#include "master/extents/objects.h"
#include "master/namespace/permission.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMaxExtents = 4096;  // in one commit

// One commit while it is checked and applied. Objects are read once, changed here, and written before the content is finished.
class Committing {
 public:
  Committing(MutationContext& context, WriteHandle& handle, v1::InodeRecord& record)
      : context_(context), handle_(handle), record_(record), edit_(context, handle.inode, record) {}

  Result<void> lay(const v1::CommitRequest& request, v1::CommitReply& reply);
  Result<void> seal(const v1::SealedObject& sealed);
  Result<void> give_back(ObjectId object);
  Result<void> finish(bool close);

 private:
  struct Loaded {
    v1::ObjectRecord record;
    bool changed = false;
  };

  Result<Loaded*> load(ObjectId object);  // null: no such object
  Result<Loaded*> own(ObjectId object);   // of this inode, or `invalid`
  Result<void> acknowledge(const v1::Extent& extent);
  void no_longer_granted(ObjectId object);

  MutationContext& context_;
  WriteHandle& handle_;
  v1::InodeRecord& record_;
  ContentEdit edit_;
  std::map<ObjectId, Loaded> objects_;
  bool grants_changed_ = false;
};

Error foreign(ObjectId object) { return invalid("object " + to_string(object) + " is not this handle's to commit"); }

Result<Committing::Loaded*> Committing::load(ObjectId object) {
  auto found = objects_.find(object);
  if (found != objects_.end()) return &found->second;
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(context_.txn, object));
  if (!record) return nullptr;
  return &objects_.emplace(object, Loaded{*std::move(record)}).first->second;
}

Result<Committing::Loaded*> Committing::own(ObjectId object) {
  ASSIGN_OR_RETURN(Loaded * loaded, load(object));
  if (!loaded || loaded->record.inode() != handle_.inode.value) return foreign(object);
  return loaded;
}

// Bytes of an object that is granted to this handle become acknowledged; of others only those that the file has already.
Result<void> Committing::acknowledge(const v1::Extent& extent) {
  ObjectId object{extent.object()};
  if (extent.length() == 0 || extent.length() > kMaxFileSize || extent.object_offset() > kMaxFileSize - extent.length()) {
    return invalid("an extent of " + std::to_string(extent.length()) + " bytes at " + std::to_string(extent.object_offset()));
  }
  ASSIGN_OR_RETURN(Loaded * loaded, own(object));
  uint64_t end = extent.object_offset() + extent.length();
  bool granted = loaded->record.handle() == handle_.id.value && !loaded->record.sealed();
  if (!granted) {
    ASSIGN_OR_RETURN(bool referred, edit_.refers_to(object));
    if (!referred || loaded->record.handle() != 0) return foreign(object);
  }
  if (end > (granted ? loaded->record.granted_bytes() : loaded->record.length())) {
    return invalid("an extent beyond the end of object " + to_string(object));
  }
  if (granted && end > loaded->record.length()) {
    loaded->record.set_length(end);
    loaded->changed = true;
  }
  return {};
}

Result<void> Committing::lay(const v1::CommitRequest& request, v1::CommitReply& reply) {
  ExtentList top;
  ObjectIds covered;  // by later extents of the same request
  for (const v1::NewExtent& added : request.extents()) {
    const v1::Extent& extent = added.extent();
    uint64_t offset = added.at_end() ? std::max(record_.size(), top.end()) : extent.file_offset();
    if (extent.length() > kMaxFileSize || offset > kMaxFileSize - extent.length()) return rejected(EFBIG, "beyond 2^63 - 1");
    TRY(acknowledge(extent));
    top.lay({offset, extent.length(), ObjectId{extent.object()}, extent.object_offset()}, covered);
    reply.add_offsets(offset);
  }
  TRY(edit_.lay(top));
  for (ObjectId object : covered) edit_.examine(object);
  record_.set_mode(mode_after_write(context_.caller, record_));
  return {};
}

Result<void> Committing::seal(const v1::SealedObject& sealed) {
  ObjectId object{sealed.object()};
  ASSIGN_OR_RETURN(Loaded * loaded, own(object));
  v1::ObjectRecord& record = loaded->record;
  if (record.sealed() && record.length() == sealed.length() && record.crc32c() == sealed.crc32c()) return {};
  if (record.sealed() || record.handle() != handle_.id.value) return foreign(object);
  if (sealed.length() < record.length() || sealed.length() > record.granted_bytes()) {
    return invalid("object " + to_string(object) + " sealed at " + std::to_string(sealed.length()) + " of " +
                   std::to_string(record.length()) + " acknowledged bytes");
  }
  record.set_sealed(true);
  record.set_length(sealed.length());
  record.set_crc32c(sealed.crc32c());
  record.set_handle(0);
  loaded->changed = true;
  no_longer_granted(object);
  edit_.examine(object);
  return {};
}

Result<void> Committing::give_back(ObjectId object) {
  ASSIGN_OR_RETURN(Loaded * loaded, load(object));
  if (!loaded) return {};
  const v1::ObjectRecord& record = loaded->record;
  if (record.handle() != handle_.id.value || record.sealed() || record.length() != 0) return foreign(object);
  remove_object(context_.txn, object, record);
  objects_.erase(object);
  no_longer_granted(object);
  return {};
}

void Committing::no_longer_granted(ObjectId object) {
  auto& granted = *handle_.record.mutable_granted();
  granted.erase(std::remove(granted.begin(), granted.end(), object.value), granted.end());
  grants_changed_ = true;
}

Result<void> Committing::finish(bool close) {
  for (const auto& [object, loaded] : objects_) {
    if (loaded.changed) save_object(context_.txn, object, loaded.record);
  }
  if (close) {
    TRY(end_write_handle(context_, handle_, record_, edit_));
  } else if (grants_changed_) {
    save_handle(context_.txn, handle_);
  }
  TRY(edit_.finish());
  save_inode(context_.txn, handle_.inode, record_);
  return {};
}

void set_times(const v1::CommitRequest& request, int64_t now, v1::InodeRecord& record) {
  if (request.extents().empty() && !request.has_mtime_ns()) return;
  record.set_mtime_ns(request.has_mtime_ns() ? request.mtime_ns() : now);
  record.set_ctime_ns(now);
}

}  // namespace

Result<v1::CommitReply> commit(MutationContext& context, const v1::CommitRequest& request) {
  if (request.extents_size() > kMaxExtents) return invalid("more than " + std::to_string(kMaxExtents) + " extents in a commit");
  ASSIGN_OR_RETURN(WriteHandle handle, find_write_handle(context.txn, context.caller, HandleId{request.handle()}));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, handle.inode));
  v1::CommitReply reply;
  Committing committing(context, handle, record);
  if (!request.extents().empty()) TRY(committing.lay(request, reply));
  for (const v1::SealedObject& sealed : request.sealed()) TRY(committing.seal(sealed));
  for (uint64_t unused : request.unused()) TRY(committing.give_back(ObjectId{unused}));
  set_times(request, os::unix_nanos(context.now), record);
  TRY(committing.finish(request.close()));
  *reply.mutable_attr() = attr_of(handle.inode, record);
  return reply;
}

}  // namespace forebay::master::ops
