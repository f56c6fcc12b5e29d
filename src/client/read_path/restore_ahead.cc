#include "client/read_path/restore_ahead.h"

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

void RestoreAhead::note_read(Core& core, const std::shared_ptr<FileState>& state, const std::shared_ptr<OpenHandle>& handle,
                             uint64_t end) {
  uint64_t at = tell_at_;
  if (end <= at || at == kNever) return;
  if (!tell_at_.compare_exchange_strong(at, kNever)) return;                            // another read of the handle tells
  (void)core.background.spawn(state->executor(), tell(&core, state, handle, end - 1));  // a client that stops reads no further
}

Task<void> RestoreAhead::tell(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle, uint64_t offset) {
  v1::RestoreRequest request;
  request.set_inode(state->inode().value);
  request.set_handle(handle->id.value);
  request.set_offset(offset);
  request.set_ahead(true);
  Result<v1::RestoreReply> reply = co_await core->session.call<v1::namespace_service::Restore>(handle->who, request);
  if (reply) handle->restored.waited(reply->tell_at());  // what is wrong is met again by the read that has to wait
}

}  // namespace forebay::client
