#include "worker/registration.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "forebay/v1/cluster.rpc.h"
#include "worker/store/object.h"

namespace forebay::worker {

namespace service = v1::cluster_service;

Registration::Registration(os::Env& env, ObjectStore& store, MasterLink& masters, Duties& duties, RegistrationConfig config,
                           obs::Log& log, WorkerEvents& events)
    : env_(env),
      store_(store),
      masters_(masters),
      duties_(duties),
      config_(std::move(config)),
      log_(log),
      events_(events),
      start_nonce_(env.random.next() | 1),
      heartbeat_(config_.heartbeat) {
  // What is done is told at once, so that a long list of duties is worked off without waiting for heartbeats.
  duties_.when_idle([this] { early_.request_stop(); });
}

Task<void> Registration::run(std::stop_token stop) {
  for (int attempt = 0; !stop.stop_requested();) {
    Result<void> begun = co_await begin();
    if (begun) {
      attempt = 0;
      set_registered(true);
      co_await beat_until_refused(stop);
      set_registered(false);
      continue;
    }
    if (begun.error().is(Code::kCancelled)) co_return;
    tell(begun.error());
    // The next master in the list is asked at once; a whole round without success is followed by a pause.
    ++attempt;
    if (begun.error().is(Code::kElsewhere) && attempt % static_cast<int>(masters_.masters()) != 0) continue;
    co_await pause(config_.retry.pause(attempt, env_.random), stop);
  }
}

void Registration::tell(const Status& problem) {
  if (std::exchange(told_, problem.to_string()) == told_) return;
  log_.warning("this worker is not registered; it serves the bytes it has", {{"error", told_}});
  events_.registration_failed(problem);
}

void Registration::set_registered(bool now) {
  if (now) {
    told_.clear();
    log_.info("registered", {{"worker", worker_}, {"objects", store_.object_count()}});
  }
  is_registered_ = now;
  events_.registered(now);
}

void Registration::answered_again() {
  told_.clear();
  log_.info("the master answers again", {{"worker", worker_}});
  events_.registered(true);
}

// ---- registration ----

Task<Result<void>> Registration::begin() {
  v1::RegisterWorkerRequest request;
  if (std::optional<Identity> identity = store_.identity()) {
    request.set_worker(identity->worker.value);
    request.set_cluster(identity->cluster);
  }
  *request.mutable_address() = config_.address;
  request.mutable_address()->set_worker(request.worker());
  add_tiers(*request.mutable_tiers());
  request.set_start_nonce(start_nonce_);
  Task<Result<v1::RegisterWorkerReply>> calling = masters_.call<service::RegisterWorker>(std::move(request));
  CO_ASSIGN_OR_RETURN(v1::RegisterWorkerReply reply, co_await std::move(calling));
  CO_TRY(co_await adopt(std::move(reply)));
  co_return co_await report_inventory();
}

Task<Result<void>> Registration::adopt(v1::RegisterWorkerReply reply) {
  worker_ = reply.worker();
  registration_ = reply.registration();
  if (reply.heartbeat_ms() != 0) heartbeat_ = std::chrono::milliseconds(reply.heartbeat_ms());
  next_beat_ = env_.clock.now() + heartbeat_;
  auto adopt = [&] { return store_.adopt_identity({.cluster = reply.cluster(), .worker = WorkerId{reply.worker()}}); };
  co_return co_await async::run_blocking(env_.blocking, adopt);
}

// In order of ids, so that each page covers a range of its own; heartbeats go on between pages.
Task<Result<void>> Registration::report_inventory() {
  uint64_t from = 0;
  for (bool last = false; !last;) {
    auto list = [&] { return store_.inventory(ObjectId{from}, config_.inventory_page); };
    CO_ASSIGN_OR_RETURN(ObjectStore::InventoryPage page, co_await async::run_blocking(env_.blocking, list));
    v1::ReportInventoryRequest request;
    request.set_worker(worker_);
    request.set_registration(registration_);
    last = !page.next;
    request.set_from(from);
    request.set_to(last ? std::numeric_limits<uint64_t>::max() : page.next->value);
    request.set_last(last);
    from = request.to();
    for (const ObjectStat& object : page.objects) {
      v1::StoredObject& stored = *request.add_objects();
      stored.set_object(object.object.value);
      stored.set_length(object.length);
      stored.set_sealed(object.sealed);
      stored.set_crc32c(object.crc32c);
    }
    Task<Result<v1::ReportInventoryReply>> calling = masters_.call<service::ReportInventory>(std::move(request));
    CO_TRY(co_await std::move(calling));
    if (env_.clock.now() >= next_beat_) CO_TRY(co_await beat());
  }
  co_return Result<void>{};
}

// ---- heartbeats ----

void Registration::add_tiers(google::protobuf::RepeatedPtrField<v1::TierSpace>& tiers) const {
  for (const TierUsage& usage : store_.usage()) {
    v1::TierSpace& tier = *tiers.Add();
    tier.set_alias(usage.alias);
    tier.set_quota_bytes(usage.quota_bytes);
    tier.set_used_bytes(usage.used_bytes);
    tier.set_available_bytes(usage.available_bytes);
    tier.set_largest_bytes(data_bytes_of_charge(usage.largest_bytes));
    tier.set_surplus_bytes(usage.surplus_bytes);
  }
}

Task<Result<bool>> Registration::beat() {
  v1::WorkerHeartbeatRequest request;
  request.set_worker(worker_);
  request.set_registration(registration_);
  add_tiers(*request.mutable_tiers());
  request.set_objects(store_.object_count());
  duties_.report(request);
  const std::vector<ObjectId> damaged = store_.damaged(config_.max_damaged);
  for (ObjectId object : damaged) request.add_damaged(object.value);
  Task<Result<v1::WorkerHeartbeatReply>> calling = masters_.call<service::WorkerHeartbeat>(request);
  Result<v1::WorkerHeartbeatReply> reply = co_await std::move(calling);
  next_beat_ = env_.clock.now() + heartbeat_;
  if (!reply) co_return std::unexpected(std::move(reply).error());
  duties_.acknowledged(request);
  store_.forget_damaged(damaged);
  duties_.accept(*reply);
  co_return reply->more();
}

Task<void> Registration::beat_until_refused(std::stop_token stop) {
  for (int failures = 0; !stop.stop_requested();) {
    Duration wait = std::max(next_beat_ - env_.clock.now(), Duration::zero());
    if (failures != 0) wait = std::min(wait, config_.retry.pause(failures, env_.random));
    co_await pause(wait, stop);
    if (stop.stop_requested()) co_return;
    Result<bool> more = co_await beat();
    if (more) {
      if (std::exchange(failures, 0) != 0) answered_again();
      // With duties at work, their end brings the next beat; without, the master is asked again now.
      if (*more && !duties_.is_busy()) next_beat_ = env_.clock.now();
      continue;
    }
    // The master has another view of this worker, or none: only registering again mends that.
    bool refused = more.error().is(Code::kStale) || more.error().is(Code::kRejected) || more.error().is(Code::kInvalid);
    if (refused || more.error().is(Code::kCancelled)) co_return;
    tell(more.error());
    ++failures;
  }
}

Task<bool> Registration::pause(Duration duration, std::stop_token stop) {
  early_ = std::stop_source();
  std::stop_source early = early_;
  std::stop_callback on_stop(stop, [&early] { early.request_stop(); });
  Task<bool> sleeping = env_.clock.sleep(duration, early.get_token());
  co_return co_await std::move(sleeping);
}

}  // namespace forebay::worker
