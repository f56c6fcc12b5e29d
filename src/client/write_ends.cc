#include "client/write_ends.h"

#include <algorithm>

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

namespace {
constexpr Duration kPatience = std::chrono::milliseconds(2);  // until when a version is sealed that nobody waits for
}  // namespace

bool WriteEnds::end(Core& core, const OpenHandle& handle) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) return false;
    waiting_.push_back({handle.id, handle.session});
    if (telling_) return true;
    telling_ = true;
  }
  if (core.background.spawn(0, tell(&core))) return true;
  std::lock_guard lock(mutex_);
  telling_ = false;
  return true;  // the client has stopped, and its session ends
}

std::vector<WriteEnds::Ended> WriteEnds::take() {
  std::lock_guard lock(mutex_);
  const size_t count = std::min(waiting_.size(), kMaxInCall);
  std::vector<Ended> taken(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  if (taken.empty()) telling_ = false;
  return taken;
}

Task<void> WriteEnds::tell(Core* core) {
  for (;;) {
    co_await core->env.clock.sleep(kPatience, core->background.token());
    const std::vector<Ended> ended = core->write_ends.take();
    if (ended.empty()) co_return;
    const SessionId session = core->session.id();
    v1::CloseWriteRequest request;
    request.set_durability(core->config.durability);
    for (const Ended& handle : ended) {
      if (handle.session == session) request.add_handles(handle.id.value);
    }
    if (request.handles_size() == 0) continue;
    Result<v1::CloseWriteReply> told =
        co_await core->session.call<v1::namespace_service::CloseWrite>(Identity{}, request, session);
    if (!told) core->log.debug("handles could not be closed", {{"error", told.error().to_string()}});
  }
}

}  // namespace forebay::client
