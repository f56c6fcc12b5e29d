#include "worker/persist/peers.h"

namespace forebay::worker {

namespace {
constexpr size_t kMaxChannels = 1'024;
}

Result<rpc::Channel*> Peers::channel_to(const std::string& address) {
  if (auto known = channels_.find(address); known != channels_.end()) return known->second.get();
  if (channels_.size() == kMaxChannels) return busy("this worker talks to 1024 others");
  ASSIGN_OR_RETURN(os::Address to, os::Address::parse(address));
  return channels_.emplace(address, std::make_unique<rpc::Channel>(env_, to, rpc::ChannelConfig{}, executor_))
      .first->second.get();
}

Task<Result<rpc::Channel*>> Peers::worker_channel(std::string coordinator, WorkerId worker, std::stop_token stop, TraceId trace) {
  if (!places_.contains(worker)) {
    Task<Result<v1::GetWorkersReply>> asking = ask<v1::coordinator_service::ListPeers>(coordinator, {}, stop, trace);
    CO_ASSIGN_OR_RETURN(v1::GetWorkersReply reply, co_await std::move(asking));
    for (const v1::WorkerAddress& each : reply.workers()) places_[WorkerId{each.worker()}] = each.address();
  }
  auto place = places_.find(worker);
  if (place == places_.end()) co_return elsewhere("where worker " + to_string(worker) + " is, is not known");
  co_return channel_to(place->second);
}

Task<void> Peers::stop() {
  for (auto& [address, channel] : channels_) co_await channel->stop();
}

}  // namespace forebay::worker
