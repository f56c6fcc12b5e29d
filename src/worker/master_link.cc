#include "worker/master_link.h"

#include "base/check.h"

namespace forebay::worker {

MasterLink::MasterLink(os::Env& env, const std::vector<os::Address>& masters, async::Executor executor) {
  FOREBAY_CHECK(!masters.empty(), "a worker was checked to have masters");
  for (const os::Address& master : masters)
    channels_.push_back(std::make_unique<rpc::Channel>(env, master, rpc::ChannelConfig{}, executor));
}

Task<void> MasterLink::stop() {
  for (auto& channel : channels_) {
    Task<void> stopping = channel->stop();
    co_await std::move(stopping);
  }
}

}  // namespace forebay::worker
