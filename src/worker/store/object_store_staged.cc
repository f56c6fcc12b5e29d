// Staged objects in the store: how they begin, and what they take while others write them.
#include <utility>
#include <vector>

#include "worker/store/object_store.h"
#include "worker/store/recovery.h"

namespace forebay::worker {

// First the object's own file with its header, then the one for its bytes: data without a header was never acknowledged, and the
// next start removes it. The result is open for reading only.
Result<std::shared_ptr<os::File>> ObjectStore::create_staged(TierPath& path, const ObjectHeader& header) {
  const std::string name = object_path(path.directory(), header.object), data_name = name + std::string(kDataSuffix);
  Result<std::shared_ptr<os::File>> data = elsewhere("not made");
  {
    ASSIGN_OR_RETURN(std::unique_ptr<os::File> own, files_.open(name, os::OpenMode::kCreateNew));
    Result<void> done = own->write_at(encode_header(header), 0);
    if (done) data = files_.open(data_name, os::OpenMode::kCreate);
    if (done && data) data = files_.open(data_name, os::OpenMode::kRead);
    if (!done) data = std::unexpected(std::move(done).error());
  }
  // Where nobody can tell whether a file can still be written, none can be sealed.
  if (data)
    if (Result<bool> written = (*data)->has_writers(); !written) data = std::unexpected(std::move(written).error());
  if (data) return data;
  for (const std::string& left : {name, data_name})
    if (Result<void> removed = files_.remove(left); !removed && !removed.error().is_errno(ENOENT))
      log_.warning("a file that could not be created could not be removed",
                   {{"file", left}, {"error", removed.error().to_string()}});
  return data;
}

namespace {

Result<uint64_t> inode_of(os::FileSystem& files, const std::string& name) {
  ASSIGN_OR_RETURN(const os::FileStatus status, files.status(name));
  return status.inode;
}

}  // namespace

Result<OpenedObject> ObjectStore::fork_object(ObjectId id, ObjectId from) {
  if (!id || !from || id == from) return invalid("object " + to_string(id) + " cannot come from " + to_string(from));
  ASSIGN_OR_RETURN(Pointer source, acquire(from, 0));
  if (!source->is_sealed() || !source->is_staged()) return stale("object " + to_string(from) + " is not a sealed staged object");
  Result<Pointer> made = acquire(id, 0);
  if (!made && !made.error().is_errno(ENOENT)) return std::unexpected(std::move(made).error());
  bool is_done = false;
  if (made) {
    if (!(*made)->is_staged()) return invalid("object " + to_string(id) + " is there, and not staged");
    ASSIGN_OR_RETURN(const uint64_t mine, inode_of(files_, (*made)->data_name()));
    ASSIGN_OR_RETURN(const uint64_t its, inode_of(files_, source->data_name()));
    is_done = mine != its;
  }
  if (!is_done) {
    auto begin = [&] { return made ? Result<void>{} : begin_fork(id, *source); };
    Result<void> moved = source->move_to_copy(begin, files_);
    if (!moved) return std::unexpected(judge(std::move(moved).error(), *source, true));
  }
  return open_object(id, true, 0);
}

// The new object's own file, the second name of the data, and the entry: from here on it is as if it had been found by a start.
Result<void> ObjectStore::begin_fork(ObjectId id, Object& from) {
  TierPath& path = from.path();
  {
    std::lock_guard lock(mutex_);
    if (removed_.contains(id)) return stale("object " + to_string(id) + " has been removed");
  }
  const uint64_t charge = from.charged_bytes() + kDataOffset;
  TRY(path.charge(charge));
  const std::string name = object_path(path.directory(), id);
  const ObjectHeader header{.cluster = identity()->cluster, .object = id, .boot = boot_, .staged = true};
  Result<void> done;
  {
    Result<std::unique_ptr<os::File>> own = files_.open(name, os::OpenMode::kCreateNew);
    done = own ? (*own)->write_at(encode_header(header), 0) : std::unexpected(own.error());
    if (done) done = files_.link(from.data_name(), name + std::string(kDataSuffix));
    if (!done && own) (void)files_.remove(name);  // the next start does, if this cannot
  }
  if (!done) {
    path.release(charge);
    return done;
  }
  std::lock_guard lock(mutex_);
  table_.insert(id, {.charged_bytes = charge, .path = static_cast<uint8_t>(tiers_->index_of(path)), .staged = true});
  growing_.insert(id);
  events_.object_created();
  return {};
}

// What they have grown by since is charged now, whether or not the quota holds it: the bytes are there. So a quota can be
// exceeded by what is written to staged objects between two of these, and by what was begun while there was room.
void ObjectStore::account_staged() {
  std::vector<ObjectId> growing;
  {
    std::lock_guard lock(mutex_);
    growing.assign(growing_.begin(), growing_.end());
  }
  for (ObjectId id : growing) {
    Result<Pointer> object = acquire(id, 0);
    if (!object || (*object)->is_sealed()) continue;
    Result<uint64_t> charged = (*object)->account();
    if (!charged) {
      (void)judge(std::move(charged).error(), **object, false);
      continue;
    }
    std::lock_guard lock(mutex_);
    ObjectEntry* entry = table_.find(id);
    if (!entry || entry->state != ObjectState::kUnsealed) continue;
    if (*charged > entry->charged_bytes) grown_bytes_ += *charged - entry->charged_bytes;
    entry->charged_bytes = *charged;
  }
}

}  // namespace forebay::worker
