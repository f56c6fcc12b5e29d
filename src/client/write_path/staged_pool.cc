#include "client/write_path/staged_pool.h"

#include <algorithm>
#include <utility>

#include "client/core.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

// ---- who creates files ----

bool StagedPool::wants_more_locked(os::Instant now) {
  row_ = now - taken_at_ < kIdle ? std::min(row_ + 1, kRow) : 1;
  taken_at_ = now;
  return row_ == kRow && !filling_ && !stopped_ && now >= refused_until_ && ready_.size() <= core_.config.staged_ready / 2;
}

std::shared_ptr<StagedObject> StagedPool::take() {
  if (core_.config.staged_ready == 0) return nullptr;
  std::shared_ptr<StagedObject> object;
  {
    std::lock_guard lock(mutex_);
    if (!ready_.empty()) {
      object = std::move(ready_.back());
      ready_.pop_back();
    }
    if (!wants_more_locked(core_.env.clock.now())) return object;
    filling_ = true;
  }
  if (!core_.background.spawn(0, fill(this))) stop();
  return object;
}

void StagedPool::give_back(std::shared_ptr<StagedObject> object) {
  std::lock_guard lock(mutex_);
  if (owner_ && owner_->handle == object->handle() && !stopped_) ready_.push_back(std::move(object));
}

void StagedPool::refused() {
  std::lock_guard lock(mutex_);
  no_room_until_ = core_.env.clock.now() + kIdle;
}

bool StagedPool::is_refused() {
  std::lock_guard lock(mutex_);
  return core_.env.clock.now() < no_room_until_;
}

void StagedPool::stop() {
  Objects dropped;
  std::lock_guard lock(mutex_);
  stopped_ = true;
  filling_ = false;
  dropped.swap(ready_);
}

// ---- in the background ----

Task<void> StagedPool::fill(StagedPool* self) {
  Result<Owner> owner = co_await self->owner();
  Result<void> filled;
  if (owner)
    filled = co_await fill_from(self, *owner);
  else
    filled = std::unexpected(owner.error());
  if (!filled) self->core_.log.debug("no staged objects are ready", {{"error", filled.error().to_string()}});
  std::lock_guard lock(self->mutex_);
  self->filling_ = false;
  if (!filled) self->refused_until_ = self->core_.env.clock.now() + kIdle;
}

Task<Result<StagedPool::Owner>> StagedPool::owner() {
  Objects dropped;
  {
    std::lock_guard lock(mutex_);
    if (owner_ && owner_->session == core_.session.id()) co_return *owner_;
    owner_.reset();
    dropped.swap(ready_);
  }
  v1::CreateUnnamedRequest request;
  request.set_parent(kRootInode.value);
  request.set_access(v1::ACCESS_WRITE);
  Owner owner;
  Result<v1::OpenReply> reply = co_await core_.session.call<rpcs::CreateUnnamed>({}, std::move(request), {}, &owner.session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  owner.handle = HandleId{reply->handle()};
  {
    std::lock_guard lock(mutex_);
    owner_ = owner;
  }
  if (!core_.background.spawn(0, retire(this, owner))) co_return cancelled("the client has stopped");
  co_return owner;
}

Task<Result<void>> StagedPool::fill_from(StagedPool* self, Owner owner) {
  Core& core = self->core_;
  v1::AllocateRequest request;
  request.set_handle(owner.handle.value);
  {
    std::lock_guard lock(self->mutex_);
    request.set_count(static_cast<uint32_t>(core.config.staged_ready - std::min(core.config.staged_ready, self->ready_.size())));
  }
  request.mutable_placement()->set_bytes(std::min(core.config.first_object_bytes, core.config.object_bytes));
  request.mutable_placement()->set_host_id(core.env.host_id);
  request.mutable_placement()->set_staged(true);
  for (WorkerId worker : core.routing.avoided()) request.mutable_placement()->add_avoid(worker.value);
  Result<v1::AllocateReply> reply = co_await core.session.call<rpcs::Allocate>({}, std::move(request), owner.session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  std::vector<Task<Result<void>>> opening;
  Result<void> all;
  for (const v1::Grant& grant : reply->grants()) {
    // The owner's end gives it back.
    if (!grant.staged() || grant.workers_size() != 1) {
      all = elsewhere("an object for staging is not granted now");
      continue;
    }
    Placed placed{ObjectId{grant.object()}, {WorkerId{grant.workers(0)}}, {}};
    opening.push_back(open_one(self, owner, std::move(placed)));
  }
  const size_t at_once = opening.size();
  std::vector<Result<void>> opened = co_await core.background.run_all(0, std::move(opening), at_once);
  for (Result<void>& one : opened)
    if (!one) all = std::move(one);
  co_return all;
}

Task<Result<void>> StagedPool::open_one(StagedPool* self, Owner owner, Placed placed) {
  CO_ASSIGN_OR_RETURN(
      std::shared_ptr<StagedObject> object,
      co_await StagedObject::create(&self->core_, std::move(placed), owner.handle, self->core_.config.first_object_bytes));
  self->give_back(std::move(object));
  co_return Result<void>{};
}

// One for each owner, as long as it is one.
Task<void> StagedPool::retire(StagedPool* self, Owner owner) {
  Core& core = self->core_;
  for (Objects dropped;;) {
    const bool slept = co_await core.env.clock.sleep(kIdle, core.background.token());
    if (!slept) co_return;
    std::lock_guard lock(self->mutex_);
    if (!self->owner_ || self->owner_->handle != owner.handle) co_return;  // its session is over
    if (!self->is_idle_locked(core.env.clock.now())) continue;
    self->owner_.reset();
    dropped.swap(self->ready_);
    break;
  }
  v1::CommitRequest request;
  request.set_handle(owner.handle.value);
  request.set_close(true);
  Result<v1::CommitReply> ignored = co_await core.session.call<rpcs::Commit>({}, std::move(request), owner.session);
  (void)ignored;  // otherwise it ends with the session
}

}  // namespace forebay::client
