#include "worker/duties.h"

#include <utility>

namespace forebay::worker {
namespace {

// Cuts and seals for a writer that is gone. An object that its writer has sealed meanwhile, at another length, stays as it is:
// the master hears which.
Result<ObjectStat> seal_for_good(ObjectStore& store, ObjectId object, const v1::Duty& duty) {
  SealTerms terms{.isolate = true};
  if (duty.has_crc32c()) terms.crc32c = duty.crc32c();
  Result<Seal> sealed = store.seal(object, duty.seal(), true, terms);
  if (sealed) return ObjectStat{.object = object, .length = sealed->length, .sealed = true, .crc32c = sealed->crc32c, .tier = {}};
  if (sealed.error().is(Code::kStale)) {
    ASSIGN_OR_RETURN(ObjectStat found, store.stat(object));
    if (found.sealed) return found;
  }
  return std::unexpected(std::move(sealed).error());
}

}  // namespace

Duties::Duties(os::Clock& clock, ObjectStore& store, async::Executor blocking, async::Scope& scope, DutiesConfig config,
               obs::Log& log)
    : clock_(clock), store_(store), blocking_(std::move(blocking)), scope_(scope), config_(config), log_(log) {}

void Duties::accept(const v1::WorkerHeartbeatReply& told) {
  for (const v1::Duty& duty : told.duties()) {
    ObjectId object{duty.object()};
    if (!object || known_.size() >= config_.max_known || is_left_alone(object)) continue;
    auto [at, is_new] = known_.try_emplace(object, Known{.duty = duty});
    // A removal overtakes a seal that was told before it.
    bool overtakes =
        !is_new && duty.what_case() == v1::Duty::kRemove && at->second.duty.what_case() == v1::Duty::kSeal && at->second.done;
    if (overtakes) at->second = Known{.duty = duty};
    if (is_new || overtakes) waiting_.push_back(object);
  }
  while (at_work_ < std::min(config_.max_parallel, waiting_.size())) {
    ++at_work_;
    if (!scope_.spawn(work(this))) {
      --at_work_;
      return;
    }
  }
}

Task<void> Duties::work(Duties* self) {
  while (!self->waiting_.empty() && !self->scope_.token().stop_requested()) {
    ObjectId object = self->waiting_.front();
    self->waiting_.pop_front();
    co_await self->carry_out(object);
  }
  if (--self->at_work_ == 0) self->went_idle();
}

bool Duties::is_left_alone(ObjectId object) {
  auto at = failed_.find(object);
  if (at == failed_.end()) return false;
  if (clock_.now() < at->second) return true;
  failed_.erase(at);
  return false;
}

// On a disk that takes no changes all of thousands fail: they are counted here, and said once.
void Duties::failed(ObjectId object, std::string_view what, const Status& why) {
  if (failures_++ == 0) failure_ = std::string(what) + " object " + std::to_string(object.value) + ": " + why.to_string();
  if (failed_.size() >= config_.max_failed) failed_.clear();
  failed_[object] = clock_.now() + config_.try_again_after;
  known_.erase(object);
}

void Duties::went_idle() {
  if (failures_ != 0)
    log_.warning("duties failed and are tried again later",
                 {{"objects", failures_}, {"first", failure_}, {"seconds", config_.try_again_after / std::chrono::seconds(1)}});
  failures_ = 0;
  if (std::exchange(done_, 0) != 0 && notify_) notify_();
}

Task<void> Duties::carry_out(ObjectId object) {
  const v1::Duty duty = known_.at(object).duty;
  if (duty.what_case() == v1::Duty::kRemove) {
    auto remove = [&] { return store_.remove(object); };
    Result<void> removed = co_await async::run_blocking(blocking_, remove);
    finish_removal(object, removed);
  } else if (duty.what_case() == v1::Duty::kSeal) {
    auto seal = [&] { return seal_for_good(store_, object, duty); };
    Result<ObjectStat> sealed = co_await async::run_blocking(blocking_, seal);
    finish_seal(object, sealed);
  } else if (duty.what_case() == v1::Duty::kCheck) {
    auto check = [&] { return store_.stat(object); };
    Result<ObjectStat> found = co_await async::run_blocking(blocking_, check);
    if (!found && !found.error().is(Code::kBusy)) store_.note_damaged(object, found.error());
    ++done_;
    known_.erase(object);
  } else {
    known_.erase(object);  // of a newer master: told again to a worker that understands it
  }
}

void Duties::finish_removal(ObjectId object, const Result<void>& removed) {
  if (removed) {
    known_.at(object).done = true;
    ++done_;
    return;
  }
  failed(object, "remove", removed.error());
}

void Duties::finish_seal(ObjectId object, const Result<ObjectStat>& sealed) {
  if (sealed) {
    Known& known = known_.at(object);
    known.done = true;
    ++done_;
    known.sealed.set_object(object.value);
    known.sealed.set_length(sealed->length);
    known.sealed.set_crc32c(sealed->crc32c);
    return;
  }
  // Not here, shorter than what was acknowledged, or perhaps not what it was before a power cut: this copy is no copy.
  if (!sealed.error().is_errno(ENOENT) && !sealed.error().is_errno(ENODATA)) return failed(object, "seal", sealed.error());
  store_.note_damaged(object, sealed.error());
  ++done_;
  known_.erase(object);
}

void Duties::report(v1::WorkerHeartbeatRequest& heartbeat) const {
  for (const auto& [object, known] : known_) {
    if (!known.done) continue;
    if (known.duty.what_case() == v1::Duty::kRemove)
      heartbeat.add_removed(object.value);
    else
      *heartbeat.add_sealed() = known.sealed;
  }
}

void Duties::acknowledged(const v1::WorkerHeartbeatRequest& heartbeat) {
  auto forget = [this](uint64_t object, v1::Duty::WhatCase what) {
    auto at = known_.find(ObjectId{object});
    if (at != known_.end() && at->second.done && at->second.duty.what_case() == what) known_.erase(at);
  };
  for (uint64_t object : heartbeat.removed()) forget(object, v1::Duty::kRemove);
  for (const v1::SealedByDuty& sealed : heartbeat.sealed()) forget(sealed.object(), v1::Duty::kSeal);
}

}  // namespace forebay::worker
