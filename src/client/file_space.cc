// fallocate of FileState.
#include <algorithm>

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

Task<Result<void>> FileState::fallocate(std::shared_ptr<OpenHandle> handle, uint64_t offset, uint64_t length,
                                        FallocateMode mode) {
  auto committing = co_await committing_.lock();
  if (staged()) {
    Result<void> done = co_await fallocate_staged(std::move(handle), offset, length, mode);
    co_return done;
  }
  auto writing = co_await writing_.lock();
  CO_TRY(check_writable(*handle));
  if (content_.has_uncommitted()) CO_TRY(co_await commit_locked({.keep_writing = true}, &writing));
  v1::FallocateRequest request;
  request.set_handle(handle->id.value);
  request.set_offset(offset);
  request.set_length(length);
  request.set_zero(mode.zero);
  request.set_keep_size(mode.keep_size);
  const uint64_t size_before = content_.committed_size();
  Result<v1::AttrReply> reply = co_await core_.session.call<rpcs::Fallocate>(handle->who, request, handle->session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  content_.adopt(reply->attr());
  committed_durably(reply->attr(), true);
  unsynced_ = true;
  if (!mode.zero || offset >= size_before) co_return Result<void>{};
  // Objects that lost only a part of their bytes keep that space until they are compacted.
  overwritten_bytes_ += std::min(length, size_before - offset);
  consider_compaction(false);
  co_return Result<void>{};
}

}  // namespace forebay::client
