#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "ufs/transfer.h"
#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

namespace {

// A block without a copy.
struct Missing {
  uint64_t object = 0, length = 0;
  uint64_t stored_offset = 0;      // of its bytes in the file at the key
  std::optional<uint32_t> crc32c;  // none: this restore is the first that sees it
};

// What goes wrong here is no word of the under store's.
Error here(const TaskContext* with, const Status& status) {
  with->live.store_is_innocent = true;
  if (status.is(Code::kCancelled)) return std::unexpected(status);
  return busy("restore an object: " + status.to_string());
}

// Puts what arrives into the object. On the task's executor.
class ObjectSink final : public ufs::RangeSink {
 public:
  ObjectSink(const TaskContext* with, const Missing* missing) : with_(with), missing_(missing) {}
  Task<Result<void>> write(uint64_t offset, Bytes data) override {
    Task<bool> taking = with_->bucket.take(data.size(), with_->stop());
    const bool may = co_await std::move(taking);
    if (!may) co_return cancelled("the task was told to stop");
    const ObjectId object{missing_->object};
    auto put = [&] { return with_->objects.write(object, data, offset - missing_->stored_offset, missing_->length); };
    Result<uint64_t> written = co_await async::run_blocking(with_->env.blocking, put);
    if (!written) co_return here(with_, written.error());
    with_->moved(data.size());
    co_return Result<void>{};
  }

 private:
  const TaskContext* const with_;
  const Missing* const missing_;
};

Task<Result<std::vector<Missing>>> find_missing(const TaskContext* with) {
  std::map<uint64_t, Missing> found;
  v1::Layout layout = with->live.task.operation().layout();
  for (size_t extents = 0;;) {
    for (const v1::ObjectLocation& location : layout.objects()) {
      const bool is_missing = location.workers().empty() && location.stored_version() == with->record().expected().version();
      if (!is_missing) continue;
      Missing& missing = found[location.object()];
      missing = {location.object(), location.length(), location.stored_offset(), std::nullopt};
      if (location.has_crc32c()) missing.crc32c = location.crc32c();
    }
    extents += static_cast<size_t>(layout.extents_size());
    if (!layout.more() || layout.extents().empty()) break;
    if (extents >= with->config.restore_extents) co_return rejected(E2BIG, "the file is in more pieces than a restore takes");
    v1::GetUploadLayoutRequest request;
    request.set_operation(with->live.id());
    request.set_epoch(with->live.epoch());
    request.set_offset(layout.extents().rbegin()->file_offset() + layout.extents().rbegin()->length());
    Task<Result<v1::Layout>> asking = with->ask_coordinator<v1::coordinator_service::ReadLayout>(request);
    CO_ASSIGN_OR_RETURN(layout, co_await std::move(asking));
  }
  std::vector<Missing> all;
  all.reserve(found.size());
  for (auto& [object, missing] : found) all.push_back(missing);
  co_return all;
}

// Several ranges at a time, each on condition of the identity. Whether they make up what was stored the seal's checksum says.
Task<Result<void>> fill(const TaskContext* with, const Missing* missing) {
  ObjectSink sink(with, missing);
  const ufs::Range range{missing->stored_offset, missing->length};
  Task<Result<void>> getting = ufs::download_in_ranges(&with->store, with->record().key(), {with->record().expected().identity()},
                                                       range, with->config.transfer, &sink, with->transfer());
  co_return co_await std::move(getting);
}

Task<Result<Seal>> fill_and_seal(const TaskContext* with, const Missing* missing) {
  const ObjectId object{missing->object};
  with->objects.readmit(object);
  Task<Result<void>> filling = fill(with, missing);
  Result<void> filled = co_await std::move(filling);
  Result<Seal> sealed = Seal{};
  if (filled) {
    // Nobody waits for the disk: should a power cut take some of it, the checksums of its blocks say so, and it is fetched again.
    auto seal = [&] { return with->objects.seal(object, missing->length, false); };
    sealed = co_await async::run_blocking(with->env.blocking, seal);
    if (!sealed) filled = here(with, sealed.error());
  }
  if (filled && missing->crc32c && sealed->crc32c != *missing->crc32c)
    filled = corrupt("the object in the store has other bytes than were stored there");
  if (filled) co_return sealed;
  // Nobody knows of it: what is left of it would take space until the next start.
  auto remove = [&] { return with->objects.remove(object); };
  Result<void> removed = co_await async::run_blocking(with->env.blocking, remove);
  (void)removed;  // it is overwritten by the next attempt here, and reported to the master at the next start
  co_return std::unexpected(std::move(filled).error());
}

// Two tasks may want the same block: one for a reader, one for an upload. The second comes again when the first has ended.
class Claim {
 public:
  Claim(std::set<uint64_t>& claimed, uint64_t object)
      : claimed_(claimed), object_(object), is_mine_(claimed.insert(object).second) {}
  ~Claim() {
    if (is_mine_) claimed_.erase(object_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  bool is_mine() const { return is_mine_; }

 private:
  std::set<uint64_t>& claimed_;
  const uint64_t object_;
  const bool is_mine_;
};

// An earlier attempt may have come to its seal, and nobody have heard of it. Or it is a copy that was given up because its bytes
// do not match its seal any more.
bool is_intact(ObjectStore& objects, const Missing& missing, const ObjectStat& there) {
  const bool is_it = there.sealed && there.length == missing.length && (!missing.crc32c || there.crc32c == *missing.crc32c);
  if (!is_it) return false;
  for (uint64_t block = 0;; ++block) {
    const Result<bool> matches = objects.verify_block(ObjectId{missing.object}, block);
    if (!matches) return false;
    if (!*matches) return true;  // that was all
  }
}

Task<Result<v1::RestoredObject>> restore_object(const TaskContext* with, const Missing* missing) {
  const ObjectId object{missing->object};
  const Claim claim(with->restoring, missing->object);
  if (!claim.is_mine()) co_return here(with, busy("another task here fetches it").error());
  v1::RestoredObject restored;
  restored.set_object(object.value);
  if (const std::optional<Identity> identity = with->objects.identity()) restored.add_workers(identity->worker.value);
  bool is_there = false;
  auto look = [&] {
    Result<ObjectStat> found = with->objects.stat(object);
    is_there = found && is_intact(with->objects, *missing, *found);
    return found;
  };
  Result<ObjectStat> there = co_await async::run_blocking(with->env.blocking, look);
  if (is_there) {
    restored.set_crc32c(there->crc32c);
    co_return restored;
  }
  if (there && there->sealed) {  // other bytes, or damaged ones
    auto remove = [&] { return with->objects.remove(object); };
    Result<void> removed = co_await async::run_blocking(with->env.blocking, remove);
    if (!removed) co_return here(with, removed.error());
  }
  const os::Instant began = with->env.clock.now();
  Task<Result<Seal>> filling = fill_and_seal(with, missing);
  CO_ASSIGN_OR_RETURN(const Seal sealed, co_await std::move(filling));
  with->events.block_restored(missing->length, with->env.clock.now() - began);
  restored.set_crc32c(sealed.crc32c);
  co_return restored;
}

}  // namespace

Task<Outcome> restore(const TaskContext* with) {
  Task<Result<std::vector<Missing>>> finding = find_missing(with);
  Result<std::vector<Missing>> missing = co_await std::move(finding);
  if (!missing) co_return missing.error().is(Code::kCancelled) ? lost() : failed(missing.error());
  if (with->record().expected().identity().empty()) co_return co_await refused_after_looking(with);
  Outcome outcome = done({});
  for (const Missing& each : *missing) {
    Task<Result<v1::RestoredObject>> restoring = restore_object(with, &each);
    Result<v1::RestoredObject> restored = co_await std::move(restoring);
    if (restored) {
      *outcome.mutable_done()->add_restored() = *std::move(restored);
      continue;
    }
    const ufs::Failure failure = ufs::failure_of(restored.error());
    if (failure == ufs::Failure::kCancelled) co_return lost();
    const bool is_gone = failure == ufs::Failure::kConflict || failure == ufs::Failure::kNotFound;
    if (is_gone && !restored.error().is(Code::kElsewhere)) co_return co_await refused_after_looking(with);
    co_return failed(restored.error());
  }
  co_return outcome;
}

}  // namespace forebay::worker
