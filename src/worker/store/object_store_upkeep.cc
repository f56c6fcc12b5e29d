// What the store does beside serving bytes: inventories, damage, failing paths, what restarts want to know.
#include <algorithm>
#include <utility>

#include "worker/store/object_store.h"
#include "worker/store/recovery.h"

namespace forebay::worker {
namespace {

constexpr size_t kTablePage = 10'000;  // entries copied under the lock at a time

}  // namespace

Result<ObjectStat> ObjectStore::stat(ObjectId id) {
  ObjectEntry entry;
  {
    std::lock_guard lock(mutex_);
    if (const ObjectEntry* found = table_.find(id))
      entry = *found;
    else
      return elsewhere("object " + to_string(id) + " is not here", ENOENT);
  }
  const std::string& tier = tiers_->path(entry.path).tier();
  if (is_sealed(entry.state))
    return ObjectStat{.object = id, .length = entry.length, .sealed = true, .crc32c = entry.crc32c, .tier = tier};
  ASSIGN_OR_RETURN(Pointer object, acquire(id, 0));
  if (std::optional<Seal> seal = object->seal_if_sealed())
    return ObjectStat{.object = id, .length = seal->length, .sealed = true, .crc32c = seal->crc32c, .tier = tier};
  Result<uint64_t> length = object->length();
  if (!length) return std::unexpected(judge(std::move(length).error(), *object, false));
  return ObjectStat{.object = id, .length = *length, .sealed = false, .crc32c = 0, .tier = tier};
}

bool ObjectStore::may_block(ObjectId id) const {
  std::lock_guard lock(mutex_);
  const ObjectEntry* entry = table_.find(id);
  return !tiers_->path(entry ? entry->path : 0).is_memory();
}

bool ObjectStore::is_warm(ObjectId id, uint64_t offset, uint64_t length) const {
  Pointer object;
  {
    std::lock_guard lock(mutex_);
    object = open_.peek(id);
  }
  return object && object->is_warm(offset, length);
}

Result<ObjectStore::InventoryPage> ObjectStore::inventory(ObjectId from, size_t most) {
  std::vector<std::pair<ObjectId, ObjectEntry>> entries;
  {
    std::lock_guard lock(mutex_);
    entries = table_.page(from, most + 1);
  }
  InventoryPage page;
  if (entries.size() > most) {
    page.next = entries.back().first;
    entries.pop_back();
  }
  for (const auto& [id, entry] : entries) {
    if (entry.state == ObjectState::kDamaged || entry.state == ObjectState::kDecayed) continue;
    Result<ObjectStat> one = stat(id);
    if (one) page.objects.push_back(std::move(*one));
    // Removed since, or found damaged just now, which is told apart. Anything else could make the master believe it is gone.
    else if (!one.error().is_errno(ENOENT) && !one.error().is(Code::kCorrupt) && !one.error().is_errno(EIO))
      return std::unexpected(std::move(one).error());
  }
  return page;
}

std::vector<ObjectId> ObjectStore::damaged(size_t most) const {
  std::lock_guard lock(mutex_);
  std::vector<ObjectId> ids;
  for (auto at = damaged_.begin(); at != damaged_.end() && ids.size() < most; ++at) ids.push_back(*at);
  return ids;
}

void ObjectStore::note_damaged(ObjectId id, const Status& why) {
  {
    std::lock_guard lock(mutex_);
    ObjectEntry* entry = table_.find(id);
    if (entry && entry->state == ObjectState::kSealed) entry->state = ObjectState::kDecayed;
    if (damaged_.size() >= config_.max_damaged || !damaged_.insert(id).second) return;
  }
  log_.error("an object is damaged", {{"object", id.value}, {"error", why.to_string()}});
  events_.object_damaged(id);
}

void ObjectStore::mark_unreadable(ObjectId id) {
  std::lock_guard lock(mutex_);
  if (ObjectEntry* entry = table_.find(id)) entry->state = ObjectState::kDamaged;
}

void ObjectStore::forget_damaged(const std::vector<ObjectId>& acknowledged) {
  std::lock_guard lock(mutex_);
  for (ObjectId id : acknowledged) damaged_.erase(id);
}

std::optional<ObjectId> ObjectStore::next_sealed(ObjectId after) const {
  std::lock_guard lock(mutex_);
  return table_.next_sealed(after);
}

Result<bool> ObjectStore::verify_block(ObjectId id, uint64_t block) {
  ASSIGN_OR_RETURN(Pointer object, acquire(id, 0));
  std::optional<Seal> seal = object->seal_if_sealed();
  if (!seal || block >= seal->blocks.size()) return false;
  Result<void> verified = object->verify_block(block);
  if (!verified) return std::unexpected(judge(std::move(verified).error(), *object, false));
  return true;
}

Status ObjectStore::judge(Status error, const Object& object, bool was_writing) {
  if (object.is_unusable()) {
    mark_unreadable(object.id());
    note_damaged(object.id(), error);
  }
  return judge(std::move(error), object.id(), object.path(), was_writing);
}

Status ObjectStore::judge(Status error, ObjectId id, TierPath& path, bool was_writing) {
  if (error.is(Code::kCorrupt)) note_damaged(id, error);
  if (!error.is(Code::kRejected)) return error;
  switch (error.error()) {
    case ENOSPC:
    case EDQUOT: refresh_space(path); return Status(Code::kElsewhere, ENOSPC, error.message());
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Status(Code::kBusy, EAGAIN, error.message());
    case EEXIST: return Status(Code::kElsewhere, EIO, "an unknown file is in the way: " + error.message());
    default: break;
  }
  // One bad sector costs one object; a disk that cannot take bytes, or shows many bad sectors, costs the path.
  if (was_writing || path.count_read_error()) fail_path(path, error);
  if (!was_writing) note_damaged(id, error);
  return Status(Code::kElsewhere, EIO, error.message());
}

void ObjectStore::fail_path(TierPath& path, const Status& why) {
  if (!path.fail(why)) return;
  log_.error("a path's disk fails: it takes nothing new until the worker is restarted, what it can still read is served",
             {{"directory", path.directory()}, {"error", why.to_string()}});
  events_.path_failed(path.directory(), why);
}

void ObjectStore::refresh_space(TierPath& path) {
  if (Result<os::Space> space = files_.space(path.directory())) path.set_medium_free(space->free_bytes);
}

size_t ObjectStore::object_count() const {
  std::lock_guard lock(mutex_);
  return table_.size();
}

void ObjectStore::rewrite_index(size_t path_index) {
  std::vector<IndexRecord> live;
  for (ObjectId from{1};;) {
    std::vector<std::pair<ObjectId, ObjectEntry>> entries;
    {
      std::lock_guard lock(mutex_);
      entries = table_.page(from, kTablePage);
    }
    for (const auto& [id, entry] : entries)
      if (entry.path == path_index && entry.state == ObjectState::kSealed) live.push_back(record_of(id, entry));
    if (entries.size() < kTablePage) break;
    from = ObjectId{entries.back().first.value + 1};
  }
  if (Result<void> done = indexes_[path_index]->rewrite(live); !done)
    log_.warning("the list of sealed objects could not be written; the next start opens them instead",
                 {{"directory", tiers_->path(path_index).directory()}, {"error", done.error().to_string()}});
}

void ObjectStore::sync_unsealed() {
  for (ObjectId from{1};;) {
    std::vector<std::pair<ObjectId, ObjectEntry>> entries;
    {
      std::lock_guard lock(mutex_);
      entries = table_.page(from, kTablePage);
    }
    for (const auto& [id, entry] : entries) {
      if (entry.state != ObjectState::kUnsealed || tiers_->path(entry.path).failure()) continue;
      Result<Pointer> object = acquire(id, 0);
      if (!object || (*object)->is_cut_off()) continue;
      Result<uint64_t> length = (*object)->length();
      Result<void> synced = length ? (*object)->sync(*length, 0, files_) : std::unexpected(length.error());
      if (!synced)
        log_.warning("an object could not be synced: a restart of the machine now may lose what was written to it",
                     {{"object", id.value}, {"error", synced.error().to_string()}});
    }
    if (entries.size() < kTablePage) break;
    from = ObjectId{entries.back().first.value + 1};
  }
}

void ObjectStore::housekeeping() {
  held_.upkeep();
  account_staged();
  for (size_t i = 0; i < indexes_.size(); ++i) {
    TierPath& path = tiers_->path(i);
    if (path.failure()) continue;
    refresh_space(path);
    // A full medium or a failing disk shows at the next write; here only a hint for the next start is lost.
    if (Result<void> flushed = indexes_[i]->flush(); !flushed)
      log_.warning("the list of sealed objects could not be extended",
                   {{"directory", path.directory()}, {"error", flushed.error().to_string()}});
    if (indexes_[i]->wants_rewrite(object_count())) rewrite_index(i);
  }
  size_t open = 0;
  {
    std::lock_guard lock(mutex_);
    open = open_.size();
  }
  events_.space_changed(tiers_->usage(), object_count(), open);
}

void ObjectStore::readmit(ObjectId object) {
  std::lock_guard lock(mutex_);
  removed_.remove(object);
}

}  // namespace forebay::worker
