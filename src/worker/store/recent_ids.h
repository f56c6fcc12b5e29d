// A bounded memory of ids.
#pragma once

#include <deque>
#include <unordered_set>

#include "base/ids.h"

namespace forebay::worker {

// The last `capacity` ids that were added; older ones are forgotten. Caller synchronises.
class RecentIds {
 public:
  explicit RecentIds(size_t capacity) : capacity_(capacity) {}

  void add(ObjectId id) {
    if (!known_.insert(id).second) return;
    order_.push_back(id);
    if (order_.size() <= capacity_) return;
    known_.erase(order_.front());
    order_.pop_front();
  }
  void remove(ObjectId id) {
    if (known_.erase(id) != 0) std::erase(order_, id);
  }
  bool contains(ObjectId id) const { return known_.contains(id); }

 private:
  const size_t capacity_;
  std::deque<ObjectId> order_;
  std::unordered_set<ObjectId> known_;
};

}  // namespace forebay::worker
