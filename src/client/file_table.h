// The inodes that are open in this client.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/ids.h"

namespace forebay::client {

class FileState;
struct Core;

// One shared state for each open inode. A state that is broken is no longer given out: the next open begins a fresh one. Owned by
// Core. Any thread.
class FileTable {
 public:
  // Counts one open; the state is made if there is none. detach() once for each.
  std::shared_ptr<FileState> attach(Core& core, InodeId inode);
  void detach(const std::shared_ptr<FileState>& state);
  // How many opens have ended so far.
  uint64_t departures() const;
  std::shared_ptr<FileState> find(InodeId inode) const;
  std::vector<std::shared_ptr<FileState>> all() const;

 private:
  struct Open {
    std::shared_ptr<FileState> state;  // shared with its files
    size_t opens = 0;
  };
  mutable std::mutex mutex_;
  std::multimap<InodeId, Open> open_;  // of equal inodes, all but the last are broken
  uint64_t departures_ = 0;
};

}  // namespace forebay::client
