#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

namespace {

// An object without a copy, and where its bytes are in the file.
struct Missing {
  uint64_t object = 0, length = 0;
  std::vector<v1::Extent> extents;

  // Every byte of the object belongs to this version: what was laid over in the meantime is nowhere any more.
  bool is_whole() const {
    uint64_t end = 0;
    for (const v1::Extent& extent : extents) {
      if (extent.object_offset() > end) return false;
      end = std::max(end, extent.object_offset() + extent.length());
    }
    return end == length;
  }
};

// What goes wrong here is no word of the under store's.
Error here(const TaskContext* with, const Status& status) {
  with->live.store_is_innocent = true;
  if (status.is(Code::kCancelled)) return std::unexpected(status);
  return busy("restore an object: " + status.to_string());
}

// Puts what arrives into the object, from an offset on.
class ObjectSink final : public ufs::BodySink {
 public:
  ObjectSink(const TaskContext* with, const Missing* missing, uint64_t offset)
      : with_(with), missing_(missing), offset_(offset) {}
  Task<Result<void>> write(Bytes data) override {
    Task<bool> taking = with_->bucket.take(data.size(), with_->stop());
    const bool may = co_await std::move(taking);
    if (!may) co_return cancelled("the task was told to stop");
    auto put = [&] { return with_->objects.write(ObjectId{missing_->object}, data, offset_, missing_->length); };
    Result<uint64_t> written = co_await async::run_blocking(with_->env.blocking, put);
    if (!written) co_return here(with_, written.error());
    offset_ += data.size();
    with_->moved(data.size());
    co_return Result<void>{};
  }
  uint64_t offset() const { return offset_; }

 private:
  const TaskContext* const with_;
  const Missing* const missing_;
  uint64_t offset_;
};

Task<Result<std::vector<Missing>>> find_missing(const TaskContext* with) {
  std::map<uint64_t, Missing> found;
  v1::Layout layout = with->live.task.operation().layout();
  for (size_t extents = 0;;) {
    for (const v1::ObjectLocation& location : layout.objects()) {
      if (location.workers().empty()) found.try_emplace(location.object(), Missing{location.object(), location.length(), {}});
    }
    for (const v1::Extent& extent : layout.extents()) {
      auto missing = found.find(extent.object());
      if (missing != found.end()) missing->second.extents.push_back(extent);
    }
    extents += static_cast<size_t>(layout.extents_size());
    if (!layout.more() || layout.extents().empty()) break;
    if (extents >= with->config.restore_extents) co_return rejected(E2BIG, "the file is in more pieces than a restore takes");
    v1::GetUploadLayoutRequest request;
    request.set_operation(with->live.id());
    request.set_epoch(with->live.epoch());
    request.set_offset(layout.extents().rbegin()->file_offset() + layout.extents().rbegin()->length());
    Task<Result<v1::Layout>> asking =
        with->peers.ask<v1::coordinator_service::ReadLayout>(with->live.task.coordinator(), request, with->stop());
    CO_ASSIGN_OR_RETURN(layout, co_await std::move(asking));
  }
  std::vector<Missing> all;
  for (auto& [object, missing] : found) {
    std::ranges::sort(missing.extents, {}, &v1::Extent::object_offset);
    if (!missing.is_whole()) co_return rejected(EIO, "parts of object " + std::to_string(object) + " are in no version any more");
    all.push_back(std::move(missing));
  }
  co_return all;
}

Task<Result<void>> fill(const TaskContext* with, const Missing* missing) {
  for (const v1::Extent& extent : missing->extents) {
    ObjectSink sink(with, missing, extent.object_offset());
    const ufs::Condition same = ufs::Condition::is({with->record().expected().identity()});
    const ufs::Range range{extent.file_offset(), extent.length()};
    Task<Result<ufs::ObjectStat>> getting = with->store.get(with->record().key(), range, same, &sink, with->transfer());
    CO_TRY(co_await std::move(getting));
    if (sink.offset() != extent.object_offset() + extent.length()) co_return corrupt("the object in the store is too short");
  }
  co_return Result<void>{};
}

// An earlier attempt may have come to its seal, and nobody have heard of it.
Task<Result<v1::RestoredObject>> restore_object(const TaskContext* with, const Missing* missing) {
  const ObjectId object{missing->object};
  v1::RestoredObject restored;
  restored.set_object(object.value);
  if (const std::optional<Identity> identity = with->objects.identity()) restored.add_workers(identity->worker.value);
  auto look = [&] { return with->objects.stat(object); };
  Result<ObjectStat> there = co_await async::run_blocking(with->env.blocking, look);
  if (there && there->sealed && there->length == missing->length) {
    restored.set_crc32c(there->crc32c);
    co_return restored;
  }
  with->objects.readmit(object);
  Task<Result<void>> filling = fill(with, missing);
  CO_TRY(co_await std::move(filling));
  auto seal = [&] { return with->objects.seal(object, missing->length, true); };
  Result<Seal> sealed = co_await async::run_blocking(with->env.blocking, seal);
  if (!sealed) co_return here(with, sealed.error());
  restored.set_crc32c(sealed->crc32c);
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
