#include "coordinator/master_session.h"

#include <algorithm>

namespace forebay::coordinator {

namespace rpcs = v1::namespace_service;

MasterSession::MasterSession(os::Env& env, const CoordinatorConfig& config, async::Executor executor, obs::Log& log)
    : env_(env), name_(config.name), log_(log) {
  for (const os::Address& master : config.masters)
    channels_.push_back(std::make_unique<rpc::Channel>(env, master, rpc::ChannelConfig{}, executor));
}

Task<Result<void>> MasterSession::begin(std::stop_token stop) {
  auto guard = co_await opening_.lock();
  if (session_ != 0) co_return Result<void>{};
  co_return co_await open(stop);
}

Task<Result<void>> MasterSession::open(std::stop_token stop) {
  v1::OpenSessionRequest request;
  request.set_client(name_);
  request.set_host_id(env_.host_id);
  request.set_nonce(env_.random.next() | 1);  // 0 would be "none"
  Task<Result<v1::OpenSessionReply>> opening = repeat<rpcs::OpenSession>(std::move(request), 0, 0, stop);
  CO_ASSIGN_OR_RETURN(const v1::OpenSessionReply reply, co_await std::move(opening));
  if (!cluster_.empty() && cluster_ != reply.cluster())
    co_return broken("the master now serves cluster " + reply.cluster() + ", this coordinator belongs to " + cluster_);
  cluster_ = reply.cluster();
  session_ = reply.session();
  sequence_ = 0;
  open_.clear();
  master_epoch_ = reply.master_epoch();
  lease_ = std::chrono::milliseconds(reply.lease_ms());
  co_return Result<void>{};
}

size_t MasterSession::next_master(size_t used, const Status& status) const {
  Result<os::Address> leader = os::Address::parse(status.leader());
  for (size_t i = 0; leader && i < channels_.size(); ++i)
    if (channels_[i]->address() == *leader) return i;
  return (used + 1) % channels_.size();
}

Task<Result<uint64_t>> MasterSession::begin_sequence(std::stop_token stop) {
  while (!open_.empty() && sequence_ + 1 - *open_.begin() >= kWindow) {
    Task<bool> sleeping = env_.clock.sleep(std::chrono::milliseconds(5), stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return cancelled("the coordinator stops");
  }
  open_.insert(++sequence_);
  co_return sequence_;
}

Task<Result<bool>> MasterSession::is_expired(uint64_t session, std::stop_token stop) {
  auto guard = co_await opening_.lock();
  if (session_ != session) co_return true;  // another call has begun a new one
  v1::RenewSessionRequest request;
  request.set_session(session);
  request.set_known_epoch(master_epoch_);
  Task<Result<v1::RenewSessionReply>> renewing = repeat<rpcs::RenewSession>(std::move(request), session, 0, stop);
  Result<v1::RenewSessionReply> renewed = co_await std::move(renewing);
  if (renewed) {
    master_epoch_ = renewed->master_epoch();
    co_return false;
  }
  if (!renewed.error().is(Code::kStale)) co_return std::unexpected(std::move(renewed).error());
  log_.warning("the session has expired; a new one is begun", {{"session", session}});
  Task<Result<void>> opening = open(stop);
  CO_TRY(co_await std::move(opening));
  co_return true;
}

Task<void> MasterSession::keep_alive(MasterSession* session, std::stop_token stop) {
  for (;;) {
    const Duration pause = std::max<Duration>(session->lease_ / 3, std::chrono::milliseconds(10));
    Task<bool> sleeping = session->env_.clock.sleep(pause, stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
    Task<Result<bool>> renewing = session->is_expired(session->session_, stop);
    Result<bool> renewed = co_await std::move(renewing);
    if (!renewed && !renewed.error().is(Code::kCancelled))
      session->log_.error("no session with the master", {{"error", renewed.error().to_string()}});
  }
}

Task<void> MasterSession::stop() {
  for (auto& channel : channels_) {
    Task<void> stopping = channel->stop();
    co_await std::move(stopping);
  }
}

}  // namespace forebay::coordinator
