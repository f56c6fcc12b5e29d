#include "client/routing.h"

#include <algorithm>

namespace forebay::client {

namespace {
constexpr Duration kRefreshPause = std::chrono::seconds(1);  // between two looks at the worker table because of failures
constexpr size_t kMaxMasters = 16;                           // with those learned from hints

// Who leads, when a master that does not knows it. What a peer sent need not be an address.
std::optional<os::Address> leader_hint(const Status& status) {
  if (status.leader().empty()) return std::nullopt;
  Result<os::Address> address = os::Address::parse(status.leader());
  return address ? std::optional(*address) : std::nullopt;
}
}  // namespace

Routing::Routing(os::Env& env, obs::Log& log, const ClientConfig& config, Background& background)
    : env_(env), log_(log), config_(config), background_(background), masters_(config.masters) {}

// ---- masters ----

Task<Routing::MasterWay> Routing::master() {
  async::Executor executor = co_await async::current_executor();
  std::lock_guard lock(mutex_);
  co_return MasterWay{channel_locked(masters_[leader_], background_.index_of(executor)), leader_};
}

Task<Routing::MasterWay> Routing::left_socket() {
  async::Executor executor = co_await async::current_executor();
  std::lock_guard lock(mutex_);
  if (leader_ == 0 || !masters_.front().is_unix()) co_return MasterWay{nullptr, 0};
  co_return MasterWay{channel_locked(masters_.front(), background_.index_of(executor)), 0};
}

void Routing::master_answered(const MasterWay& way) {
  std::lock_guard lock(mutex_);
  leader_ = way.index;
  if (stop_by_) stop_by_ = env_.clock.now() + config_.retry_for;
}

Task<bool> Routing::again_after(const rpc::Method& method, const Status& status, const MasterWay& way, Trying* trying) {
  if (status.is(Code::kUnknown)) trying->uncertain = true;
  const rpc::Next next = rpc::after_failure(method, status);
  if (next == rpc::Next::kGiveUp) co_return false;
  if (next == rpc::Next::kOtherServer) {
    size_t masters = 0;
    {
      std::lock_guard lock(mutex_);
      masters = masters_.size();
    }
    switch_master(way, status);
    ++trying->attempt;
    if (trying->attempt % static_cast<int>(masters) != 0) co_return env_.clock.now() < trying->give_up;
  }
  const bool again = co_await pause(trying);
  co_return again;
}

void Routing::switch_master(const MasterWay& way, const Status& status) {
  std::lock_guard lock(mutex_);
  if (leader_ != way.index) return;  // another call has switched already
  std::optional<os::Address> hint = leader_hint(status);
  if (hint) {
    auto known = std::ranges::find(masters_, *hint);
    if (known != masters_.end()) {
      leader_ = static_cast<size_t>(known - masters_.begin());
      return;
    }
    if (masters_.size() < kMaxMasters) {
      leader_ = masters_.size();
      masters_.push_back(*hint);
      return;
    }
  }
  leader_ = (way.index + 1) % masters_.size();
}

os::Instant Routing::give_up_at() const {
  const os::Instant usual = env_.clock.now() + config_.retry_for;
  std::lock_guard lock(mutex_);
  return stop_by_ ? std::min(usual, *stop_by_) : usual;
}

void Routing::begin_to_stop() {
  std::lock_guard lock(mutex_);
  stop_by_ = env_.clock.now() + config_.retry_for;
}

bool Routing::is_over() const {
  std::lock_guard lock(mutex_);
  return stop_by_ && env_.clock.now() >= *stop_by_;
}

Task<bool> Routing::pause(Trying* trying) {
  const bool again = co_await pause_for(trying, backoff_.pause(trying->attempt++, env_.random));
  co_return again;
}

Task<bool> Routing::pause_for(Trying* trying, Duration pause) {
  const os::Instant now = env_.clock.now();
  if (now >= trying->give_up) co_return false;
  const bool slept = co_await env_.clock.sleep(std::min<Duration>(pause, trying->give_up - now), background_.token());
  if (is_over()) co_return false;
  co_return slept;
}

// ---- channels ----

std::shared_ptr<rpc::Channel> Routing::channel_locked(const os::Address& to, size_t executor) {
  if (stopped_) return nullptr;  // nobody would stop it
  Kept& kept = channels_[{to, executor}];
  kept.used = ++uses_;
  if (!kept.channel) {
    kept.channel = std::make_shared<rpc::Channel>(env_, to, rpc::ChannelConfig{}, background_.executor(executor));
    auto channel = kept.channel;
    drop_idle_locked();
    return channel;
  }
  return kept.channel;
}

void Routing::drop_idle_locked() {
  if (channels_.size() <= config_.max_channels) return;
  auto oldest = channels_.end();
  for (auto at = channels_.begin(); at != channels_.end(); ++at) {
    if (at->second.channel.use_count() > 1) continue;  // a call is using it
    if (oldest == channels_.end() || at->second.used < oldest->second.used) oldest = at;
  }
  if (oldest == channels_.end()) return;
  // Refused when the client stops, which then stops this one with the others.
  if (background_.spawn(oldest->first.second, stop_channel(oldest->second.channel))) channels_.erase(oldest);
}

Task<void> Routing::stop_channel(std::shared_ptr<rpc::Channel> channel) { co_await channel->stop(); }

Task<void> Routing::stop() {
  std::map<ChannelKey, Kept> channels;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    channels.swap(channels_);
  }
  for (auto& [key, kept] : channels) co_await kept.channel->stop();
}

// ---- workers ----

Task<Result<std::shared_ptr<rpc::Channel>>> Routing::worker_channel(WorkerId worker, bool local) {
  async::Executor executor = co_await async::current_executor();
  const size_t index = background_.index_of(executor);
  for (bool refreshed = false;; refreshed = true) {
    bool look_again = false;
    {
      std::lock_guard lock(mutex_);
      auto place = workers_.find(worker);
      if (place != workers_.end()) {
        const std::optional<os::Address>& to = local || place->second.local ? place->second.local : place->second.tcp;
        if (to) {
          std::shared_ptr<rpc::Channel> channel = channel_locked(*to, index);
          if (!channel) co_return cancelled("the client is stopped");
          co_return channel;
        }
        if (local) co_return elsewhere("worker " + to_string(worker) + " is not on this host", ENOTSUP);
      }
      look_again = !refreshed;
    }
    if (!look_again) co_return elsewhere("worker " + to_string(worker) + " is not known to the master");
    Result<std::vector<v1::WorkerAddress>> table = co_await refresh_workers();
    if (!table) co_return std::unexpected(std::move(table).error());
  }
}

Task<Result<std::vector<v1::WorkerAddress>>> Routing::refresh_workers() {
  Trying trying{.give_up = give_up_at()};
  Result<v1::GetWorkersReply> reply = co_await call_master<v1::namespace_service::GetWorkers>(v1::Empty{}, {}, &trying);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  std::map<WorkerId, WorkerPlace> workers;
  for (const v1::WorkerAddress& address : reply->workers()) {
    WorkerPlace place;
    if (auto tcp = os::Address::parse(address.address())) place.tcp = *tcp;
    const bool same_host = !address.host_id().empty() && address.host_id() == env_.host_id;
    if (auto local = os::Address::parse(address.unix_address()); same_host && local) place.local = *local;
    workers.emplace(WorkerId{address.worker()}, std::move(place));
  }
  {
    std::lock_guard lock(mutex_);
    workers_.swap(workers);
    workers_refreshed_ = env_.clock.now();
  }
  co_return std::vector<v1::WorkerAddress>(reply->workers().begin(), reply->workers().end());
}

namespace {
Task<void> refresh_in_background(Routing* routing) {
  Result<std::vector<v1::WorkerAddress>> ignored = co_await routing->refresh_workers();
  (void)ignored;  // the old table stays; the next failure asks again
}
}  // namespace

void Routing::worker_answered(WorkerId worker) {
  if (!any_silent_) return;
  std::lock_guard lock(mutex_);
  silent_.erase(worker);
  any_silent_ = !silent_.empty();
}

bool Routing::is_silent(WorkerId worker) const {
  if (!any_silent_) return false;
  std::lock_guard lock(mutex_);
  auto found = silent_.find(worker);
  return found != silent_.end() && found->second > env_.clock.now();
}

void Routing::worker_failed(WorkerId worker, const Status& status) {
  if (is_silence(status) && !status.is(Code::kBusy)) {
    std::lock_guard lock(mutex_);
    silent_[worker] = env_.clock.now() + config_.worker_pause;
    any_silent_ = true;
  } else {
    worker_answered(worker);
  }
  const bool unreachable =
      (status.is(Code::kElsewhere) || status.is(Code::kUnknown)) && !status.is_errno(ENOENT) && !status.is_errno(ENOSPC);
  if (!unreachable) return;
  bool refresh = false;
  {
    std::lock_guard lock(mutex_);
    const os::Instant now = env_.clock.now();
    refresh = !stopped_ && now - workers_refreshed_ >= kRefreshPause;
    if (refresh) workers_refreshed_ = now;
  }
  // A worker that has moved is found again without making the caller wait for the master.
  if (refresh) background_.spawn(0, refresh_in_background(this));
}

bool Routing::is_local(WorkerId worker) const {
  std::lock_guard lock(mutex_);
  auto place = workers_.find(worker);
  return place != workers_.end() && place->second.local.has_value();
}

void Routing::avoid(WorkerId worker) {
  std::lock_guard lock(mutex_);
  avoided_[worker] = env_.clock.now() + config_.worker_pause;
}

void Routing::avoid_nobody() {
  std::lock_guard lock(mutex_);
  avoided_.clear();
  silent_.clear();
  any_silent_ = false;
}

std::vector<WorkerId> Routing::others(WorkerId worker) const {
  std::lock_guard lock(mutex_);
  std::vector<WorkerId> others;
  for (const auto& [id, place] : workers_)
    if (id != worker) others.push_back(id);
  return others;
}

std::vector<WorkerId> Routing::avoided() const {
  std::lock_guard lock(mutex_);
  std::vector<WorkerId> found;
  const os::Instant now = env_.clock.now();
  for (const auto& [worker, until] : avoided_) {
    if (until > now) found.push_back(worker);
  }
  for (const auto& [worker, until] : silent_) {
    const bool is_listed = std::ranges::find(found, worker) != found.end();
    if (until > now && !is_listed) found.push_back(worker);
  }
  return found;
}

}  // namespace forebay::client
