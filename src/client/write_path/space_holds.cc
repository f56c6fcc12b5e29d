#include "client/write_path/space_holds.h"

#include <algorithm>
#include <utility>

#include "client/background.h"

namespace forebay::client {

namespace rpcs = v1::worker_service;

namespace {
constexpr uint64_t kUnit = 4 * kKiB;     // that workers reckon in
constexpr uint64_t kAround = 4 * kUnit;  // an object's header, footer and place in its directory, and what rounding takes
constexpr size_t kAtOnce = 16;           // workers asked together
constexpr Duration kRefusal = std::chrono::seconds(1);  // a worker that gave too little is asked again after
constexpr Duration kFarewell = std::chrono::seconds(1);
}  // namespace

SpaceHolds::SpaceHolds(os::Env& env, const ClientConfig& config, Routing& routing, Background& background)
    : env_(env), config_(config), routing_(routing), background_(background), id_(env.random.next() | 1) {}

uint64_t SpaceHolds::taken_by(uint64_t bytes) {
  const uint64_t footer = bytes / kMiB * 4;
  return (bytes + footer + kUnit - 1) / kUnit * kUnit + kAround;
}

SpaceHolds::Pointer SpaceHolds::find(WorkerId worker) {
  std::lock_guard lock(mutex_);
  Pointer& hold = holds_[worker];
  if (!hold) hold = std::make_shared<Hold>(worker);
  return hold;
}

std::vector<SpaceHolds::Pointer> SpaceHolds::all() const {
  std::lock_guard lock(mutex_);
  std::vector<Pointer> holds;
  holds.reserve(holds_.size());
  for (const auto& [worker, hold] : holds_) holds.push_back(hold);
  return holds;
}

// ---- drawing ----

bool SpaceHolds::try_draw(const Pointer& hold, uint64_t bytes) {
  bool ahead = false;
  {
    std::lock_guard lock(mutex_);
    const os::Instant now = env_.clock.now();
    if (now >= hold->ends || hold->bytes < hold->drawn + bytes) return false;
    hold->drawn += bytes;
    hold->drawn_at = now;
    const uint64_t left = hold->bytes - hold->drawn;
    ahead = left < config_.hold_bytes / 2 && !hold->asking_ahead && now >= hold->refused_until &&
            wanted_locked(*hold, 0) > hold->bytes;
    if (ahead) hold->asking_ahead = true;
  }
  if (ahead && !background_.spawn(0, ask_ahead(this, hold))) {
    std::lock_guard lock(mutex_);
    hold->asking_ahead = false;
  }
  return true;
}

Task<Result<bool>> SpaceHolds::draw(WorkerId worker, uint64_t bytes, TraceId trace) {
  if (config_.hold_bytes == 0 || bytes > config_.max_hold_bytes) co_return false;
  const Pointer hold = find(worker);
  if (try_draw(hold, bytes)) co_return true;
  auto asking = co_await hold->asking.lock();
  if (try_draw(hold, bytes)) co_return true;  // somebody else has asked meanwhile
  {
    std::lock_guard lock(mutex_);
    if (ended_ || env_.clock.now() < hold->refused_until) co_return false;
  }
  CO_TRY(co_await set(hold, bytes, config_.worker_stall, trace));
  if (try_draw(hold, bytes)) co_return true;
  std::lock_guard lock(mutex_);
  hold->refused_until = env_.clock.now() + kRefusal;
  co_return false;
}

void SpaceHolds::give_back(WorkerId worker, uint64_t bytes) {
  if (bytes == 0) return;
  const Pointer hold = find(worker);
  std::lock_guard lock(mutex_);
  hold->drawn -= bytes;
}

void SpaceHolds::used(WorkerId worker, uint64_t bytes) {
  if (bytes == 0) return;
  const Pointer hold = find(worker);
  std::lock_guard lock(mutex_);
  hold->drawn -= bytes;
  hold->bytes -= std::min(hold->bytes, bytes);
  hold->used_since += bytes;
}

// ---- calls ----

uint64_t SpaceHolds::wanted_locked(const Hold& hold, uint64_t more) const {
  return std::min(hold.drawn + more + config_.hold_bytes, config_.max_hold_bytes);
}

// With `asking` held. What is used while the call is under way may be used before or after it is answered: it counts as after, so
// that less is believed to be held rather than more.
Task<Result<void>> SpaceHolds::set(Pointer hold, uint64_t more, Duration timeout, TraceId trace) {
  v1::HoldSpaceRequest request;
  request.set_hold(id_);
  const os::Instant sent = env_.clock.now();
  {
    std::lock_guard lock(mutex_);
    request.set_bytes(ended_ ? 0 : std::max(wanted_locked(*hold, more), hold->drawn));
    request.set_had(sent < hold->ends ? hold->bytes : 0);
    hold->used_since = 0;
  }
  rpc::CallOptions options{.context = traced(trace)};
  options.timeout = timeout;
  auto reply = co_await routing_.call_worker<rpcs::HoldSpace>(hold->worker, request, std::move(options));
  if (!reply) {
    // One that is starting, or does not know of holds, has answered.
    if (is_silence(reply.error()) && !reply.error().is(Code::kBusy)) co_return std::unexpected(std::move(reply).error());
    co_return Result<void>{};
  }
  std::lock_guard lock(mutex_);
  const uint64_t given = reply->message.bytes();
  hold->bytes = given - std::min(given, hold->used_since);
  lease_ = std::chrono::milliseconds(reply->message.lease_ms());
  hold->ends = sent + lease_;
  co_return Result<void>{};
}

Task<void> SpaceHolds::ask_ahead(SpaceHolds* self, Pointer hold) {
  {
    auto asking = co_await hold->asking.lock();
    Result<void> ignored = co_await self->set(hold, 0, self->config_.worker_stall, {});
    (void)ignored;  // whoever needs it asks again, and hears
  }
  std::lock_guard lock(self->mutex_);
  hold->asking_ahead = false;
  if (hold->bytes < hold->drawn + self->config_.hold_bytes / 2) hold->refused_until = self->env_.clock.now() + kRefusal;
}

// ---- life ----

Task<Result<void>> SpaceHolds::renew(SpaceHolds* self, Pointer hold) {
  auto asking = co_await hold->asking.lock();
  bool idle = false;
  {
    std::lock_guard lock(self->mutex_);
    if (hold->bytes == 0 && hold->drawn == 0) co_return Result<void>{};
    idle = hold->drawn == 0 && self->env_.clock.now() - hold->drawn_at >= self->config_.hold_idle;
    if (idle) hold->bytes = 0;
  }
  if (idle) co_return co_await finish(self, hold);
  co_return co_await self->set(hold, 0, self->config_.worker_stall, {});
}

Task<Result<void>> SpaceHolds::finish(SpaceHolds* self, Pointer hold) {
  v1::HoldSpaceRequest request;
  request.set_hold(self->id_);
  rpc::CallOptions options;
  options.timeout = kFarewell;
  auto reply = co_await self->routing_.call_worker<rpcs::HoldSpace>(hold->worker, request, std::move(options));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Result<void>{};
}

Task<void> SpaceHolds::keep(SpaceHolds* self, std::stop_token stop) {
  for (;;) {
    Duration pause;
    {
      std::lock_guard lock(self->mutex_);
      pause = self->lease_ / 3;
    }
    const bool slept = co_await self->env_.clock.sleep(pause, stop);
    if (!slept) co_return;
    std::vector<Task<Result<void>>> renewals;
    for (const Pointer& hold : self->all()) renewals.push_back(renew(self, hold));
    std::vector<Result<void>> ignored = co_await self->background_.run_all(0, std::move(renewals), kAtOnce);
    (void)ignored;  // a worker that is silent for a lease has given it up, and then `ends` says so here
  }
}

Task<void> SpaceHolds::end() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  std::vector<Task<Result<void>>> farewells;
  for (const Pointer& hold : all()) {
    std::lock_guard lock(mutex_);
    if (hold->bytes != 0) farewells.push_back(finish(this, hold));
    hold->bytes = 0;
  }
  std::vector<Result<void>> ignored = co_await background_.run_all(0, std::move(farewells), kAtOnce);
  (void)ignored;
}

}  // namespace forebay::client
