// Objects whose files are open, bounded.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/store/object.h"

namespace forebay::worker {

// Keeps at most `capacity` objects open, letting go of the least recently used that no call is at work on. Caller synchronises:
// since references are handed out only under that lock, an object that only this holds stays unused while the lock is held.
class OpenObjects {
 public:
  using Pointer = std::shared_ptr<Object>;  // shared between this and the calls at work

  explicit OpenObjects(size_t capacity) : capacity_(capacity) {}

  Pointer find(ObjectId id) {
    auto found = places_.find(id);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return *found->second;
  }
  Pointer peek(ObjectId id) const {  // without counting as a use
    auto found = places_.find(id);
    return found == places_.end() ? nullptr : *found->second;
  }
  void insert(Pointer object) {
    ObjectId id = object->id();
    order_.push_front(std::move(object));
    places_[id] = order_.begin();
  }
  void erase(const Object& object) {
    auto found = places_.find(object.id());
    if (found == places_.end() || found->second->get() != &object) return;
    order_.erase(found->second);
    places_.erase(found);
  }
  // Room for one more: what has to go is returned, to be closed without the lock. False: all are at work.
  bool make_room(std::vector<Pointer>& closed) {
    for (auto at = order_.end(); places_.size() >= capacity_ && at != order_.begin();) {
      --at;
      if (at->use_count() > 1) continue;
      places_.erase((*at)->id());
      closed.push_back(std::move(*at));
      at = order_.erase(at);
    }
    return places_.size() < capacity_;
  }
  size_t size() const { return places_.size(); }

 private:
  const size_t capacity_;
  std::list<Pointer> order_;  // most recently used first
  std::unordered_map<ObjectId, std::list<Pointer>::iterator> places_;
};

}  // namespace forebay::worker
