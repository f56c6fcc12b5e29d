// When files were read last, as far as the master has seen.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"

namespace forebay::master {

// The last open for reading of the files that were opened lately. In memory, so after a start nothing is known, and of a file
// that is not known its last change counts. Any thread. Limit: two generations of `most` files; when the younger one is full, the
// older one is forgotten.
class AccessTable {
 public:
  explicit AccessTable(size_t most = 262'144) : most_(most) {}

  void note(InodeId inode, int64_t now_ns) {
    std::lock_guard lock(mutex_);
    if (young_.size() >= most_ && !young_.contains(inode)) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_[inode] = now_ns;
  }
  int64_t last(InodeId inode) const {  // 0: not known
    std::lock_guard lock(mutex_);
    for (const auto* generation : {&young_, &old_}) {
      auto found = generation->find(inode);
      if (found != generation->end()) return found->second;
    }
    return 0;
  }

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  std::unordered_map<InodeId, int64_t> young_, old_;  // under mutex_
};

}  // namespace forebay::master
