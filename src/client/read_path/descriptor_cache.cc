#include "client/read_path/descriptor_cache.h"

#include <vector>

#include "client/core.h"

namespace forebay::client {

namespace {
// From here on a copy takes longer than the two changes of thread that it takes to have it done elsewhere.
constexpr size_t kBlockingFrom = 128 << 10;
}  // namespace

Task<Result<size_t>> LocalObject::read(Core& core, std::shared_ptr<LocalObject> object, MutableBytes into, uint64_t offset) {
  const uint64_t at = object->data_offset + offset;
  if (into.size() < kBlockingFrom) co_return object->file->read_at(into, at);
  Result<size_t> read =
      co_await async::run_blocking(core.env.blocking, [object, into, at] { return object->file->read_at(into, at); });
  co_return read;
}

Task<Result<void>> LocalObject::write(Core& core, std::shared_ptr<LocalObject> object, Bytes data, uint64_t offset) {
  const uint64_t at = object->data_offset + offset;
  if (data.size() < kBlockingFrom) co_return object->file->write_at(data, at);
  Result<void> written =
      co_await async::run_blocking(core.env.blocking, [object, data, at] { return object->file->write_at(data, at); });
  co_return written;
}

Task<Result<std::shared_ptr<LocalObject>>> open_local_object(Core& core, WorkerId worker, ObjectId object, uint64_t create_bytes,
                                                             TraceId trace) {
  v1::OpenObjectRequest request;
  request.set_object(object.value);
  request.set_write(create_bytes != 0);
  request.set_create_bytes(create_bytes);
  rpc::CallOptions options{.context = traced(trace)};
  options.timeout = core.config.worker_stall;
  auto reply = co_await core.routing.call_worker<v1::worker_service::OpenObject>(worker, request, std::move(options), true);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  auto opened = std::make_shared<LocalObject>();
  for (int descriptor : reply->descriptors) {  // each is adopted, so that a surplus one is closed
    CO_ASSIGN_OR_RETURN(opened->file, core.env.files.adopt(descriptor));
  }
  if (reply->descriptors.size() != 1) {
    co_return invalid("worker " + to_string(worker) + " answered with " + std::to_string(reply->descriptors.size()) +
                      " descriptors");
  }
  opened->data_offset = reply->message.data_offset();
  opened->length = reply->message.length();
  opened->sealed = reply->message.sealed();
  co_return opened;
}

Task<Result<std::shared_ptr<LocalObject>>> DescriptorCache::open(Core& core, WorkerId worker, ObjectId object, TraceId trace) {
  if (std::shared_ptr<LocalObject> found = find(object)) co_return found;
  Result<std::shared_ptr<LocalObject>> opened = co_await open_local_object(core, worker, object, 0, trace);
  if (opened) keep(object, *opened);
  co_return opened;
}

std::shared_ptr<LocalObject> DescriptorCache::find(ObjectId object) {
  std::lock_guard lock(mutex_);
  auto found = kept_.find(object);
  if (found == kept_.end()) return nullptr;
  by_use_.erase(found->second.used);
  found->second.used = ++uses_;
  by_use_.emplace(uses_, object);
  return found->second.object;
}

void DescriptorCache::keep(ObjectId object, std::shared_ptr<LocalObject> opened) {
  std::shared_ptr<LocalObject> closed;  // outside the lock
  std::lock_guard lock(mutex_);
  if (!kept_.emplace(object, Kept{std::move(opened), uses_ + 1}).second) return;
  by_use_.emplace(++uses_, object);
  if (kept_.size() <= most_) return;
  auto oldest = by_use_.begin();
  auto entry = kept_.find(oldest->second);
  closed = std::move(entry->second.object);
  kept_.erase(entry);
  by_use_.erase(oldest);
}

void DescriptorCache::close_idle() {
  std::vector<std::shared_ptr<LocalObject>> closed;  // outside the lock
  std::lock_guard lock(mutex_);
  while (!by_use_.empty() && by_use_.begin()->first <= uses_at_last_look_) {
    auto entry = kept_.find(by_use_.begin()->second);
    closed.push_back(std::move(entry->second.object));
    kept_.erase(entry);
    by_use_.erase(by_use_.begin());
  }
  uses_at_last_look_ = uses_;
}

void DescriptorCache::forget(ObjectId object) {
  std::shared_ptr<LocalObject> closed;
  std::lock_guard lock(mutex_);
  auto found = kept_.find(object);
  if (found == kept_.end()) return;
  closed = std::move(found->second.object);
  by_use_.erase(found->second.used);
  kept_.erase(found);
}

}  // namespace forebay::client
