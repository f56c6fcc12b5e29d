#include "client/file_table.h"

#include "client/file_state.h"

namespace forebay::client {

std::shared_ptr<FileState> FileTable::attach(Core& core, InodeId inode) {
  std::lock_guard lock(mutex_);
  auto [begin, end] = open_.equal_range(inode);
  for (auto at = begin; at != end; ++at) {
    if (at->second.state->is_broken()) continue;
    ++at->second.opens;
    return at->second.state;
  }
  auto state = FileState::make(core, inode);
  open_.emplace(inode, Open{state, 1});
  return state;
}

void FileTable::detach(const std::shared_ptr<FileState>& state) {
  std::lock_guard lock(mutex_);
  ++departures_;
  auto [begin, end] = open_.equal_range(state->inode());
  for (auto at = begin; at != end; ++at) {
    if (at->second.state != state) continue;
    if (--at->second.opens == 0) open_.erase(at);
    return;
  }
}

uint64_t FileTable::departures() const {
  std::lock_guard lock(mutex_);
  return departures_;
}

std::shared_ptr<FileState> FileTable::find(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto [begin, end] = open_.equal_range(inode);
  for (auto at = begin; at != end; ++at) {
    if (!at->second.state->is_broken()) return at->second.state;
  }
  return nullptr;
}

std::vector<std::shared_ptr<FileState>> FileTable::all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<FileState>> states;
  for (const auto& [inode, open] : open_) states.push_back(open.state);
  return states;
}

}  // namespace forebay::client
