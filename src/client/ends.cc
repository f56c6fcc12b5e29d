#include "client/ends.h"

#include <algorithm>

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

struct EndOfRead {
  using Rpc = rpcs::CloseRead;
  static constexpr size_t kMaxWaiting = 65'536, kMaxInCall = 4'096;
  static constexpr bool kLeavesOldest = true;
  static constexpr Duration kPatience{};
  static constexpr std::string_view kFailed = "reads could not be closed";
  static Rpc::Request request(const ClientConfig&) { return {}; }
};

struct EndOfWrite {
  using Rpc = rpcs::CloseWrite;
  static constexpr size_t kMaxWaiting = 16'384, kMaxInCall = 1'024;
  static constexpr bool kLeavesOldest = false;                         // it would be sealed late
  static constexpr Duration kPatience = std::chrono::milliseconds(2);  // until a version is sealed that nobody waits for
  static constexpr std::string_view kFailed = "handles could not be closed";
  static Rpc::Request request(const ClientConfig& config) {
    Rpc::Request request;
    request.set_durability(config.durability);
    return request;
  }
};

template <class Kind>
bool Ends<Kind>::end(Core& core, const OpenHandle& handle) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= Kind::kMaxWaiting) {
      if (!Kind::kLeavesOldest) return false;
      waiting_.erase(waiting_.begin(), waiting_.begin() + Kind::kMaxWaiting / 2);
    }
    waiting_.push_back({handle.id, handle.session});
    if (telling_) return true;
    telling_ = true;
  }
  if (core.background.spawn(0, tell(&core, this))) return true;
  std::lock_guard lock(mutex_);
  telling_ = false;
  return true;  // the client has stopped, and its session ends
}

template <class Kind>
std::vector<typename Ends<Kind>::Ended> Ends<Kind>::take() {
  std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), Kind::kMaxInCall));
  std::vector<Ended> taken(waiting_.begin(), waiting_.begin() + count);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  if (taken.empty()) telling_ = false;
  return taken;
}

template <class Kind>
Task<void> Ends<Kind>::tell(Core* core, Ends* self) {
  for (;;) {
    if (Kind::kPatience != Duration{}) co_await core->env.clock.sleep(Kind::kPatience, core->background.token());
    const std::vector<Ended> ended = self->take();
    if (ended.empty()) co_return;
    const SessionId session = core->session.id();
    typename Kind::Rpc::Request request = Kind::request(core->config);
    for (const Ended& handle : ended) {
      if (handle.session == session) request.add_handles(handle.id.value);
    }
    if (request.handles_size() == 0) continue;
    Result<typename Kind::Rpc::Reply> told = co_await core->session.call<typename Kind::Rpc>(Identity{}, request, session);
    if (!told) core->log.debug(Kind::kFailed, {{"error", told.error().to_string()}});
  }
}

template class Ends<EndOfRead>;
template class Ends<EndOfWrite>;

}  // namespace forebay::client
