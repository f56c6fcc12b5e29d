#include "client/write_path/object_grants.h"

#include <algorithm>
#include <utility>

#include "client/core.h"

namespace forebay::client {

namespace {
// The least that an object is begun for when the cluster is nearly full.
constexpr uint64_t kLeastAllocation = 64 * kKiB;
constexpr uint64_t kObjectGrowth = 8;        // times the size of the file's largest so far
constexpr uint64_t kLargeObject = 4 * kMiB;  // the one after a larger one is asked for before it is full
}  // namespace

void leave_worker(Core& core, ObjectId object, WorkerId worker, const Status& why) {
  core.routing.avoid(worker);
  core.log.warning("an object is left, the write goes on in another",
                   {{"object", object.value}, {"worker", worker.value}, {"error", why.to_string()}});
}

void ObjectGrants::add_handle(WriteHandle handle, const google::protobuf::RepeatedPtrField<v1::Grant>& grants) {
  if (!grants.empty()) core_.intake.told(grants.Get(0).intake());
  std::lock_guard lock(mutex_);
  for (const v1::Grant& grant : grants) grants_.push_back({grant, handle.id, nullptr});
  handles_.push_back(std::move(handle));
}

void ObjectGrants::give_back(ObjectId object, HandleId handle) {
  std::lock_guard lock(mutex_);
  unwanted_.emplace_back(object, handle);
}

void ObjectGrants::remove_handle(HandleId handle) {
  std::lock_guard lock(mutex_);
  std::erase_if(handles_, [handle](const WriteHandle& open) { return open.id == handle; });
}

std::optional<WriteHandle> ObjectGrants::primary() const {
  const SessionId session = core_.session.id();
  std::lock_guard lock(mutex_);
  for (const WriteHandle& handle : handles_) {
    if (handle.session == session) return handle;
  }
  return std::nullopt;
}

// Most files are small, and space that is granted is nobody else's: objects grow with what one handle writes.
uint64_t ObjectGrants::next_bytes() const {
  if (largest_ == 0) return std::min(core_.config.first_object_bytes, core_.config.object_bytes);
  return std::min(largest_ * kObjectGrowth, core_.config.object_bytes);
}

Task<Result<Granted>> ObjectGrants::next(WriteHandle handle, size_t wanted) {
  {
    std::lock_guard lock(mutex_);
    auto granted = std::ranges::find(grants_, handle.id, &Granted::handle);
    if (granted != grants_.end()) {
      Granted taken = std::move(*granted);
      grants_.erase(granted);
      co_return taken;
    }
  }
  std::optional<Granted> ready = co_await take_ahead(handle.id);
  if (ready) co_return *std::move(ready);
  const uint64_t bytes = std::clamp<uint64_t>(wanted, next_bytes(), core_.config.object_bytes);
  Result<Granted> granted = co_await allocate(std::move(handle), bytes, std::min<uint64_t>(wanted, kLeastAllocation));
  co_return granted;
}

v1::AllocateRequest ObjectGrants::allocation(const WriteHandle& handle, uint64_t bytes) const {
  v1::AllocateRequest request;
  request.set_handle(handle.id.value);
  request.set_count(1);
  request.mutable_placement()->set_bytes(bytes);
  request.mutable_placement()->set_host_id(core_.env.host_id);
  for (WorkerId worker : core_.routing.avoided()) request.mutable_placement()->add_avoid(worker.value);
  return request;
}

// ENOSPC is believed only when it is the answer to a request for little, with no worker excluded.
Task<Result<Granted>> ObjectGrants::allocate(WriteHandle handle, uint64_t bytes, uint64_t at_least) {
  for (;;) {
    const v1::AllocateRequest request = allocation(handle, bytes);
    Result<v1::AllocateReply> reply =
        co_await core_.session.call<v1::namespace_service::Allocate>(handle.who, request, handle.session);
    if (reply && reply->grants_size() == 1 && reply->grants(0).workers_size() > 0) {
      core_.intake.told(reply->grants(0).intake());
      co_return Granted{reply->grants(0), handle.id, nullptr};
    }
    if (reply) co_return invalid("the master granted no object");
    if (!reply.error().is_errno(ENOSPC)) co_return std::unexpected(std::move(reply).error());
    if (request.placement().avoid_size() > 0) {
      core_.routing.avoid_nobody();
    } else if (bytes > at_least) {
      bytes = std::max(bytes / kObjectGrowth, at_least);
    } else {
      co_return std::unexpected(std::move(reply).error());
    }
  }
}

// Before the current object is full, so that nothing waits for the next one. One of full size takes its worker a while to
// reserve: that is done ahead, too, and from a quarter on. A smaller one may be followed by eight times as much, which the file
// may never need, and so may one that came with an open, however large those before it were.
void ObjectGrants::ask_ahead(const WriteHandle& handle, uint64_t size, uint64_t remaining) {
  const bool is_full_size = size >= core_.config.object_bytes;
  if (size <= kLargeObject || remaining >= size / 4 * (is_full_size ? 3 : 2)) return;
  {
    std::lock_guard lock(mutex_);
    if (ahead_ && ahead_for_ == handle.id) return;
  }
  NextObjectTerms terms{
      .handle = handle, .request = allocation(handle, next_bytes()), .reserve = is_full_size, .on_failure = on_failure_};
  std::shared_ptr<NextObject> ahead = NextObject::ask(core_, executor_, std::move(terms));
  std::lock_guard lock(mutex_);
  ahead_ = std::move(ahead);
  ahead_for_ = handle.id;
}

// Another handle's stays: it is that one's to fill, or to give back.
std::shared_ptr<NextObject> ObjectGrants::take_ahead_of(HandleId handle) {
  std::lock_guard lock(mutex_);
  return ahead_for_ == handle ? std::exchange(ahead_, nullptr) : nullptr;
}

// Nothing: there is none, or it is of no use.
Task<std::optional<Granted>> ObjectGrants::take_ahead(HandleId handle) {
  const std::shared_ptr<NextObject> ahead = take_ahead_of(handle);
  if (!ahead) co_return std::nullopt;
  Result<Granted> granted = co_await ahead->granted();
  if (!granted) co_return std::nullopt;
  Result<std::shared_ptr<ObjectWriter>> ready = co_await ahead->ready();
  const ObjectId object{granted->grant.object()};
  if (!ready) {
    give_back(object, handle);
    leave_worker(core_, object, WorkerId{granted->grant.workers(0)}, ready.error());
    co_return std::nullopt;
  }
  granted->ready = *std::move(ready);
  co_return *std::move(granted);
}

std::shared_ptr<ObjectWriter> ObjectGrants::begin(Granted granted) {
  largest_ = std::max(begun_for_ == granted.handle ? largest_ : 0, granted.grant.bytes());
  begun_for_ = granted.handle;
  if (granted.ready) return std::move(granted.ready);
  TraceId trace;
  {
    std::lock_guard lock(mutex_);
    auto handle = std::ranges::find(handles_, granted.handle, &WriteHandle::id);
    if (handle != handles_.end()) trace = handle->who.trace;
  }
  return writer_of(core_, executor_, granted.grant, granted.handle, trace, on_failure_);
}

bool ObjectGrants::has_any_of(HandleId handle) const {
  std::lock_guard lock(mutex_);
  return (ahead_ && ahead_for_ == handle) || std::ranges::find(grants_, handle, &Granted::handle) != grants_.end();
}

Task<std::vector<ObjectId>> ObjectGrants::take_unused(HandleId handle) {
  if (begun_for_ == handle) largest_ = 0;
  const std::shared_ptr<NextObject> ahead = take_ahead_of(handle);
  std::optional<Result<Granted>> asked;
  if (ahead) asked = co_await ahead->granted();
  std::vector<ObjectId> unused;
  std::lock_guard lock(mutex_);
  if (asked && *asked) grants_.push_back(std::move(**asked));
  std::erase_if(grants_, [&](const Granted& granted) {
    if (granted.handle != handle) return false;
    unused.push_back(ObjectId{granted.grant.object()});
    return true;
  });
  std::erase_if(unwanted_, [&](const auto& granted) {
    if (granted.second != handle) return false;
    unused.push_back(granted.first);
    return true;
  });
  co_return unused;
}

}  // namespace forebay::client
