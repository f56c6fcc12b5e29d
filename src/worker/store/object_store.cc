#include "worker/store/object_store.h"

#include <algorithm>
#include <utility>

#include "worker/store/recovery.h"

namespace forebay::worker {
namespace {

Error missing(ObjectId object) { return elsewhere("object " + to_string(object) + " is not here", ENOENT); }

Result<void> check_range(ObjectId object, uint64_t offset, uint64_t length) {
  if (!object) return invalid("object 0 does not exist");
  if (offset > kMaxObjectBytes || length > kMaxObjectBytes - offset)
    return invalid("an object holds at most " + std::to_string(kMaxObjectBytes) + " bytes");
  return {};
}

OpenedFile created(TierPath& path, std::shared_ptr<os::File> file, const ObjectHeader& header, uint64_t charge) {
  return OpenedFile{.path = &path,
                    .directory = object_directory(path.directory(), header.object.value & 0xff),
                    .name = object_path(path.directory(), header.object),
                    .file = std::move(file),
                    .header = header,
                    .charged_bytes = charge,
                    .seal = std::nullopt};
}

bool is_full(const Status& status) { return status.is_errno(ENOSPC) || status.is_errno(EDQUOT); }
bool is_shortage(const Status& status) { return status.is_errno(EMFILE) || status.is_errno(ENFILE) || status.is_errno(ENOMEM); }

}  // namespace

Task<Result<std::unique_ptr<ObjectStore>>> ObjectStore::open(os::Env& env, StoreConfig config, obs::Log& log,
                                                             WorkerEvents& events) {
  CO_TRY(check_tiers(config.tiers));
  auto tiers = std::make_unique<TierSet>(config.tiers);
  CO_ASSIGN_OR_RETURN(StartedStore started, co_await start_store(env, config, *tiers, log));
  std::unique_ptr<ObjectStore> store(new ObjectStore(env, std::move(config), log, events, std::move(tiers), std::move(started)));
  auto ask_for_space = [&store] {
    store->held_.start();
    store->housekeeping();
    return true;
  };
  co_await async::run_blocking(env.blocking, ask_for_space);
  co_return store;
}

ObjectStore::ObjectStore(os::Env& env, StoreConfig config, obs::Log& log, WorkerEvents& events, std::unique_ptr<TierSet> tiers,
                         StartedStore started)
    : files_(env.files),
      boot_(boot_number(env.host_id)),
      config_(std::move(config)),
      log_(log),
      events_(events),
      tiers_(std::move(tiers)),
      held_(env.files, env.clock, *tiers_, config_.held, log),
      locks_(std::move(started.locks)),
      indexes_(std::move(started.indexes)),
      identity_(std::move(started.identity)),
      open_(std::max<size_t>(config_.max_open_objects, 1)),
      removed_(config_.remembered_removals) {
  for (const auto& [object, entry] : started.objects) {
    table_.append(object, entry);
    if (entry.state == ObjectState::kDamaged && damaged_.size() < config_.max_damaged) damaged_.insert(object);
    if (entry.state == ObjectState::kUnsealed && entry.staged) growing_.insert(object);
  }
}

std::optional<Identity> ObjectStore::identity() const {
  std::lock_guard lock(mutex_);
  return identity_;
}

Result<void> ObjectStore::adopt_identity(const Identity& identity) {
  TRY(check_cluster_name(identity.cluster));
  if (std::optional<Identity> mine = this->identity()) {
    if (*mine == identity) return {};
    return invalid("this store belongs to worker " + to_string(mine->worker) + " of cluster '" + mine->cluster +
                   "'; it cannot become worker " + to_string(identity.worker) + " of cluster '" + identity.cluster + "'");
  }
  for (const auto& path : tiers_->paths())
    if (!path->failure()) TRY(write_identity(files_, path->directory(), identity));
  std::lock_guard lock(mutex_);
  identity_ = identity;
  return {};
}

// ---- opening ----

// The one who finds an object closed opens it without the lock; whoever comes meanwhile waits for that.
Result<ObjectStore::Pointer> ObjectStore::acquire(ObjectId id, Creation creation) {
  std::vector<Pointer> closed;  // released after the lock: closing a file may take a while
  Pointer object;
  std::optional<ObjectEntry> entry;
  bool is_opener = false;
  {
    std::lock_guard lock(mutex_);
    object = open_.find(id);
    if (!object) {
      if (ObjectEntry* found = table_.find(id)) entry = *found;
      if (!entry && creation.bytes == 0) return missing(id);
      if (!entry && removed_.contains(id)) return stale("object " + to_string(id) + " has been removed");
      if (!entry && !identity_) return busy("this worker is not registered with a master yet");
      if (!open_.make_room(closed))
        return busy("all " + std::to_string(open_.size()) + " open objects of this worker are in use");
      object = std::make_shared<Object>(id, boot_);
      open_.insert(object);
      is_opener = true;
    }
  }
  if (is_opener) TRY(open_into(*object, entry, creation));
  if (!is_opener) TRY(object->wait_until_open());
  return object;
}

Result<void> ObjectStore::open_into(Object& object, std::optional<ObjectEntry> entry, Creation creation) {
  Result<OpenedFile> file = entry ? load(object.id(), *entry) : create(object.id(), creation);
  {
    std::lock_guard lock(mutex_);
    if (!file) open_.erase(object);
    if (file && !entry)
      table_.insert(object.id(), {.charged_bytes = file->charged_bytes,
                                  .path = static_cast<uint8_t>(tiers_->index_of(*file->path)),
                                  .staged = creation.staged});
    if (file && !entry && creation.staged) growing_.insert(object.id());
  }
  if (!file) {
    object.open_failed(file.error());
    return std::unexpected(std::move(file).error());
  }
  object.opened(std::move(*file));
  if (!entry) events_.object_created();
  return {};
}

Result<OpenedFile> ObjectStore::load(ObjectId object, const ObjectEntry& entry) {
  TierPath& path = tiers_->path(entry.path);
  if (entry.state == ObjectState::kDamaged) return corrupt("object " + to_string(object) + " is damaged");
  bool sealed = is_sealed(entry.state);
  const std::string name = object_path(path.directory(), object);
  auto opened = files_.open(name, sealed || entry.staged ? os::OpenMode::kRead : os::OpenMode::kReadWrite);
  if (!opened && opened.error().is_errno(ENOENT))
    return std::unexpected(
        judge(Status(Code::kCorrupt, EIO, "object " + to_string(object) + ": its file is gone"), object, path, false));
  if (!opened) return std::unexpected(judge(std::move(opened).error(), object, path, false));
  Result<Examined> examined = examine_file(**opened, object, identity()->cluster);
  Result<std::shared_ptr<os::File>> data(std::move(*opened));
  if (examined && examined->header.staged) data = open_data_file(files_, name, *examined);
  if (!data && data.error().is_errno(ENOENT)) examined = corrupt("its bytes are gone");
  if (!data && examined) return std::unexpected(judge(std::move(data).error(), object, path, false));
  if (examined && sealed && (!examined->seal || examined->seal->length != entry.length || examined->seal->crc32c != entry.crc32c))
    examined = corrupt("its seal is damaged");
  if (!examined) {
    Status error = std::move(examined).error().with_context("object " + to_string(object));
    if (error.is(Code::kCorrupt)) mark_unreadable(object);
    return std::unexpected(judge(std::move(error), object, path, false));
  }
  // Data that happens to look like a seal does not make one: only sealing does.
  if (!sealed) examined->seal.reset();
  return OpenedFile{.path = &path,
                    .directory = object_directory(path.directory(), object.value & 0xff),
                    .name = name,
                    .file = std::move(*data),
                    .header = std::move(examined->header),
                    .charged_bytes = entry.charged_bytes,
                    .seal = std::move(examined->seal)};
}

Result<OpenedFile> ObjectStore::create(ObjectId object, Creation creation) {
  const bool staged = creation.staged;
  const ObjectHeader header{.cluster = identity()->cluster, .object = object, .boot = boot_, .staged = staged};
  const uint64_t room = charge_for(staged ? std::max(creation.bytes, config_.stage_room_bytes) : creation.bytes);
  const uint64_t charge = staged ? kDataOffset : room;
  if (creation.from_hold != 0) {
    if (std::optional<OpenedFile> made = create_from_hold(header, charge, creation.from_hold)) return std::move(*made);
  }
  std::vector<TierPath*> tried;
  for (;;) {
    ASSIGN_OR_RETURN(TierPath * path, tiers_->allocate(room, tried));
    path->release(room - charge);
    if (staged && !path->is_quota_ample(config_.stage_quota_bytes)) {
      path->release(charge);
      tried.push_back(path);
      continue;
    }
    Result<std::shared_ptr<os::File>> file = staged ? create_staged(*path, header) : create_file(*path, header, charge);
    if (file) return created(*path, std::move(*file), header, charge);
    path->release(charge);
    if (file.error().is_errno(EOPNOTSUPP)) return elsewhere("no staged objects here: " + file.error().message(), EOPNOTSUPP);
    if (is_shortage(file.error()) || file.error().is_errno(EEXIST))
      return std::unexpected(judge(std::move(file).error(), object, *path, true));
    // Full below its quota because others use the medium too, or failing: the next path may do.
    if (is_full(file.error()))
      refresh_space(*path);
    else
      fail_path(*path, file.error());
    tried.push_back(path);
  }
}

// With space that is charged already. Nothing: the hold does not have it, or its path fails; then it is created like any other.
std::optional<OpenedFile> ObjectStore::create_from_hold(const ObjectHeader& header, uint64_t charge, uint64_t hold) {
  const uint64_t drawn = charge + HeldSpace::kPerObject;
  TierPath* path = held_.draw(hold, drawn);
  if (path == nullptr) return std::nullopt;
  Result<std::shared_ptr<os::File>> file = create_file(*path, header, charge);
  for (uint64_t room : {drawn, HeldSpace::kSpare}) {
    if (file || !is_full(file.error()) || !held_.make_room(*path, room)) break;
    file = create_file(*path, header, charge);
  }
  path->release(file ? HeldSpace::kPerObject : drawn);
  if (!file) return std::nullopt;
  return created(*path, std::move(*file), header, charge);
}

// Space first, then the header: a file whose header is whole has its reservation.
Result<std::shared_ptr<os::File>> ObjectStore::create_file(TierPath& path, const ObjectHeader& header, uint64_t charge) {
  const std::string name = object_path(path.directory(), header.object);
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files_.open(name, os::OpenMode::kCreateNew));
  Result<void> done = file->allocate(0, charge);
  // A file system that cannot reserve: the quota alone vouches for the space.
  if (!done && done.error().is_errno(EOPNOTSUPP)) done = {};
  if (done) done = file->write_at(encode_header(header), 0);
  if (done) return std::shared_ptr<os::File>(std::move(file));
  file.reset();
  // If that fails too, the file has no whole header, and the next start removes it.
  if (Result<void> removed = files_.remove(name); !removed)
    log_.warning("a file that could not be created could not be removed",
                 {{"file", name}, {"error", removed.error().to_string()}});
  return std::unexpected(std::move(done).error());
}

// ---- bytes ----

Result<void> ObjectStore::reserve_for(Object& object, uint64_t data_bytes, uint64_t step) {
  if (data_bytes <= data_bytes_of_charge(object.charged_bytes())) return {};
  Result<uint64_t> charged = object.reserve(data_bytes, step);
  if (!charged) return std::unexpected(judge(std::move(charged).error(), object, true));
  std::lock_guard lock(mutex_);
  ObjectEntry* entry = table_.find(object.id());
  if (entry && entry->state == ObjectState::kUnsealed) entry->charged_bytes = *charged;
  return {};
}

Result<uint64_t> ObjectStore::write(ObjectId id, Bytes data, uint64_t offset, Creation creation, std::optional<uint32_t> crc32c) {
  TRY(check_range(id, offset, data.size()));
  TRY(check_range(id, 0, creation.bytes));
  ASSIGN_OR_RETURN(Pointer object, acquire(id, creation));
  if (!data.empty()) {
    TRY(reserve_for(*object, offset + data.size(), config_.reserve_step_bytes));
    Result<void> written = object->write(data, offset, crc32c);
    if (!written) return std::unexpected(judge(std::move(written).error(), *object, true));
    events_.bytes_written(data.size());
  }
  Result<uint64_t> length = object->length();
  if (!length) return std::unexpected(judge(std::move(length).error(), *object, false));
  return length;
}

Result<size_t> ObjectStore::read(ObjectId id, MutableBytes into, uint64_t offset) {
  TRY(check_range(id, offset, into.size()));
  ASSIGN_OR_RETURN(Pointer object, acquire(id, 0));
  Result<size_t> got = object->read(into, offset);
  if (!got) return std::unexpected(judge(std::move(got).error(), *object, false));
  events_.bytes_read(*got);
  return got;
}

Result<Seal> ObjectStore::seal(ObjectId id, uint64_t length, bool sync, SealTerms terms) {
  TRY(check_range(id, 0, length));
  ASSIGN_OR_RETURN(Pointer object, acquire(id, 0));
  Result<Seal> seal = object->seal(length, sync, terms, files_);
  if (!seal) return std::unexpected(judge(std::move(seal).error(), *object, true));
  IndexRecord sealed;
  {
    std::lock_guard lock(mutex_);
    ObjectEntry* entry = table_.find(id);
    if (!entry) return missing(id);
    if (is_sealed(entry->state)) return seal;
    entry->state = ObjectState::kSealed;
    entry->length = seal->length;
    entry->crc32c = seal->crc32c;
    entry->charged_bytes = object->charged_bytes();
    growing_.erase(id);
    sealed = record_of(id, *entry);
  }
  indexes_[tiers_->index_of(object->path())]->add(sealed);
  events_.object_sealed(length);
  return seal;
}

Result<void> ObjectStore::sync(ObjectId id, uint64_t length, uint64_t boot) {
  TRY(check_range(id, 0, length));
  ASSIGN_OR_RETURN(Pointer object, acquire(id, 0));
  Result<void> synced = object->sync(length, boot, files_);
  if (!synced) return std::unexpected(judge(std::move(synced).error(), *object, true));
  return {};
}

Result<void> ObjectStore::reserve(ObjectId id, uint64_t data_bytes) {
  TRY(check_range(id, 0, data_bytes));
  ASSIGN_OR_RETURN(Pointer object, acquire(id, 0));
  return reserve_for(*object, data_bytes, 0);
}

Result<uint64_t> ObjectStore::hold(uint64_t hold, uint64_t bytes, uint64_t had) {
  if (!identity()) return busy("this worker is not registered with a master yet");
  const HeldSpace::Given given = held_.set(hold, bytes, had);
  if (given.failure) fail_path(*given.path, *given.failure);
  return given.bytes;
}

Result<OpenedObject> ObjectStore::open_object(ObjectId id, bool for_writing, uint64_t create_bytes, bool staged) {
  TRY(check_range(id, 0, create_bytes));
  ASSIGN_OR_RETURN(Pointer object, acquire(id, {create_bytes, 0, staged}));
  OpenedObject opened{.data_offset = data_offset(object->is_staged())};
  if (for_writing) {
    Result<std::shared_ptr<os::File>> file = object->file_for_writing(files_);
    if (!file) return std::unexpected(judge(std::move(file).error(), *object, false));
    opened.file = std::move(*file);
  } else {
    // Through a descriptor a reader would get bytes that nobody vouches for.
    if (object->is_cut_off() && !object->is_sealed())
      return elsewhere("object " + to_string(id) + " can only be read through its worker", EOPNOTSUPP);
    // The store's own descriptor of an unsealed object can write: a reader gets one that cannot.
    auto file = files_.open(object->data_name(), os::OpenMode::kRead);
    if (!file) return std::unexpected(judge(std::move(file).error(), *object, false));
    opened.file = std::move(*file);
  }
  opened.sealed = object->is_sealed();
  Result<uint64_t> length = object->length();
  if (!length) return std::unexpected(judge(std::move(length).error(), *object, false));
  opened.length = *length;
  return opened;
}

// ---- removal ----

// The object stays in the open cache until its file is gone, so that nobody opens it meanwhile.
Result<void> ObjectStore::remove(ObjectId id) {
  TRY(check_range(id, 0, 0));
  Pointer object;
  bool was_open = false;
  {
    std::lock_guard lock(mutex_);
    object = open_.find(id);
    was_open = object != nullptr;
    if (!object) {
      removed_.add(id);
      if (!table_.find(id)) return {};
      object = std::make_shared<Object>(id, boot_);
      open_.insert(object);  // one over the limit for a moment, without a descriptor
    }
  }
  if (was_open) {
    // Somebody's creation, load or removal was under way and left nothing open: look again.
    if (!object->wait_until_open()) return remove(id);
    if (!object->begin_removal()) return busy("object " + to_string(id) + " is being removed");
  }
  return remove_file(*object, was_open);
}

Result<void> ObjectStore::remove_file(Object& object, bool was_open) {
  ObjectEntry entry;
  {
    std::lock_guard lock(mutex_);
    entry = *table_.find(object.id());
  }
  TierPath& path = tiers_->path(entry.path);
  const std::string name = object_path(path.directory(), object.id());
  Result<void> removed = files_.remove(name);
  bool gone = removed || removed.error().is_errno(ENOENT);
  // Of a damaged one nobody knows which kind it is.
  if (gone && (entry.staged || entry.state == ObjectState::kDamaged)) {
    removed = files_.remove(name + std::string(kDataSuffix));
    gone = removed || removed.error().is_errno(ENOENT);
  }
  uint64_t charged = was_open ? object.charged_bytes() : entry.charged_bytes;
  {
    std::lock_guard lock(mutex_);
    open_.erase(object);
    if (gone) {
      table_.erase(object.id());
      growing_.erase(object.id());
      removed_.add(object.id());
      damaged_.erase(object.id());
    }
  }
  if (!was_open) object.open_failed(missing(object.id()).error());
  if (!gone) return std::unexpected(judge(std::move(removed).error(), object.id(), path, true));
  path.release(charged);
  events_.object_removed();
  return {};
}

}  // namespace forebay::worker
