#include "client/read_handles.h"

#include <algorithm>

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

void ReadHandles::close(Core& core, const OpenHandle& handle) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) waiting_.erase(waiting_.begin(), waiting_.begin() + kMaxWaiting / 2);
    waiting_.push_back({handle.id, handle.session});
    if (telling_) return;
    telling_ = true;
  }
  if (core.background.spawn(0, tell(&core))) return;
  std::lock_guard lock(mutex_);
  telling_ = false;
}

std::vector<ReadHandles::Closed> ReadHandles::take() {
  std::lock_guard lock(mutex_);
  const size_t count = std::min(waiting_.size(), kMaxInCall);
  std::vector<Closed> taken(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  if (taken.empty()) telling_ = false;
  return taken;
}

Task<void> ReadHandles::tell(Core* core) {
  for (;;) {
    const std::vector<Closed> closed = core->read_handles.take();
    if (closed.empty()) co_return;
    const SessionId session = core->session.id();
    v1::CloseReadRequest request;
    for (const Closed& handle : closed) {
      if (handle.session == session) request.add_handles(handle.id.value);
    }
    if (request.handles_size() == 0) continue;
    Result<v1::Empty> told = co_await core->session.call<v1::namespace_service::CloseRead>(Identity{}, request, session);
    if (!told) core->log.debug("reads could not be closed", {{"error", told.error().to_string()}});
  }
}

}  // namespace forebay::client
