#include "client/read_path/read_ahead.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "client/core.h"
#include "client/file_state.h"
#include "client/read_path/reader.h"

namespace forebay::client {

ReadAhead::Chunk::Chunk(Core& client, uint64_t at, size_t size, ObjectId first, uint64_t content_changes)
    : core(client), offset(at), changes(content_changes), object(first), bytes(rpc::Payload::allocate(size)) {}

ReadAhead::Chunk::~Chunk() { core.read_ahead_budget.release(bytes.size()); }

Task<size_t> ReadAhead::take(Core* core, MutableBytes into, uint64_t offset, uint64_t changes) {
  size_t taken = 0;
  while (core->config.read_ahead_bytes > 0 && taken < into.size()) {
    std::shared_ptr<Chunk> chunk = find(offset + taken, changes);
    if (!chunk) break;
    if (!chunk->done.is_set()) {
      std::lock_guard lock(mutex_);
      waited_ = true;
    }
    co_await chunk->done.wait();
    const uint64_t begin = offset + taken - chunk->offset;
    if (begin >= chunk->length) break;
    const size_t length = std::min<uint64_t>(chunk->length - begin, into.size() - taken);
    std::memcpy(into.data() + taken, chunk->bytes.view().data() + begin, length);
    taken += length;
  }
  co_return taken;
}

std::shared_ptr<ReadAhead::Chunk> ReadAhead::find(uint64_t offset, uint64_t changes) {
  std::map<uint64_t, std::shared_ptr<Chunk>> dropped;  // outside the lock
  std::lock_guard lock(mutex_);
  auto at = chunks_.upper_bound(offset);
  if (at == chunks_.begin()) return nullptr;
  --at;
  if (at->second->changes != changes) {
    dropped.swap(chunks_);
    return nullptr;
  }
  return offset < at->first + at->second->bytes.size() ? at->second : nullptr;
}

bool ReadAhead::continues(const Core& core, uint64_t offset, size_t length) {
  const bool sequential = length > 0 && offset == expected_ && run_ > 0;
  run_ = sequential ? run_ + length : length;
  expected_ = offset + length;
  const bool waited = std::exchange(waited_, false);
  if (!sequential) widened_ = 0;
  if (sequential && waited && 2 * run_ >= core.config.read_ahead_bytes)
    widened_ = std::min(2 * window(core), core.config.read_ahead_most_bytes);
  return sequential;
}

uint64_t ReadAhead::window(const Core& core) const {
  return std::max(widened_, std::min(core.config.read_ahead_bytes, 2 * run_));
}

void ReadAhead::note_read(Core& core, const std::shared_ptr<FileState>& state, const std::shared_ptr<OpenHandle>& handle,
                          uint64_t offset, size_t length) {
  if (core.config.read_ahead_bytes == 0) return;
  std::vector<std::shared_ptr<Chunk>> wanted, passed;
  const uint64_t changes = state->content().changes();
  {
    std::lock_guard lock(mutex_);
    const bool sequential = continues(core, offset, length);
    for (auto at = chunks_.begin(); at != chunks_.end();) {
      const bool kept = sequential && at->second->changes == changes && at->first + at->second->bytes.size() > expected_;
      if (!kept) passed.push_back(std::move(at->second));
      at = kept ? std::next(at) : chunks_.erase(at);
    }
    if (!sequential) return;
    wanted = ask_locked(core, *state, changes);
  }
  for (std::shared_ptr<Chunk>& chunk : wanted) {
    if (!core.background.spawn(state->executor(), fetch(&core, state, handle, chunk))) chunk->done.set();
  }
}

std::vector<std::shared_ptr<ReadAhead::Chunk>> ReadAhead::ask_locked(Core& core, const FileState& state, uint64_t changes) {
  std::map<ObjectId, size_t> on_their_way;
  for (const auto& [offset, chunk] : chunks_) on_their_way[chunk->object] += chunk->done.is_set() ? 0 : 1;
  if (chunks_.empty()) base_ = expected_;
  const uint64_t until = expected_ + window(core);
  std::vector<std::shared_ptr<Chunk>> wanted;
  for (uint64_t at = expected_ - (expected_ - base_) % rpc::kMaxPayload; at < until; at += rpc::kMaxPayload) {
    if (chunks_.contains(at)) continue;
    const ObjectId object = state.far_object(at);
    if (!object || on_their_way[object] >= core.config.read_window) continue;
    if (!core.read_ahead_budget.try_acquire(rpc::kMaxPayload)) break;
    ++on_their_way[object];
    wanted.push_back(chunks_.emplace(at, std::make_shared<Chunk>(core, at, rpc::kMaxPayload, object, changes)).first->second);
  }
  return wanted;
}

Task<void> ReadAhead::fetch(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle,
                            std::shared_ptr<Chunk> chunk) {
  Result<size_t> read = co_await read_file(core, state, handle, chunk->bytes.writable(), chunk->offset);
  if (read) chunk->length = *read;  // an error is met again, and told, by the read that wants these bytes
  chunk->done.set();
}

void ReadAhead::clear() {
  std::map<uint64_t, std::shared_ptr<Chunk>> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(chunks_);
}

}  // namespace forebay::client
