// What the store knows of every object without opening it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace forebay::worker {

enum class ObjectState : uint8_t {
  kUnsealed,
  kSealed,
  kDecayed,  // sealed, but some block did not match: the others are served, and it is no longer listed as a copy
  kDamaged,  // header or seal unreadable: kept, not served, until the master asks for its removal
};

constexpr bool is_sealed(ObjectState state) { return state == ObjectState::kSealed || state == ObjectState::kDecayed; }

struct ObjectEntry {
  uint64_t length = 0;         // of a sealed object
  uint64_t charged_bytes = 0;  // against its path's quota
  uint32_t crc32c = 0;         // of a sealed object
  uint8_t path = 0;            // its place in TierSet::paths()
  ObjectState state = ObjectState::kUnsealed;
  bool staged = false;  // its data is in a file of its own

  bool operator==(const ObjectEntry&) const = default;
};
static_assert(sizeof(ObjectEntry) == 24, "with the tree's node 80 bytes an object on the heap, a million in 80 MB");

// Objects in the order of their ids, as inventories want them. The store's, under its lock.
class ObjectTable {
 public:
  using Map = std::map<ObjectId, ObjectEntry>;

  // Of a start: ascending, so that building costs no comparisons.
  void append(ObjectId object, const ObjectEntry& entry) { entries_.emplace_hint(entries_.end(), object, entry); }
  void insert(ObjectId object, const ObjectEntry& entry) { entries_.insert_or_assign(object, entry); }
  void erase(ObjectId object) { entries_.erase(object); }
  ObjectEntry* find(ObjectId object) {
    auto found = entries_.find(object);
    return found == entries_.end() ? nullptr : &found->second;
  }
  const ObjectEntry* find(ObjectId object) const {
    auto found = entries_.find(object);
    return found == entries_.end() ? nullptr : &found->second;
  }
  std::optional<ObjectId> next_sealed(ObjectId after) const {
    auto at = entries_.upper_bound(after);
    while (at != entries_.end() && at->second.state != ObjectState::kSealed) ++at;
    return at == entries_.end() ? std::nullopt : std::optional(at->first);
  }
  size_t size() const { return entries_.size(); }
  // Up to `most` entries from the first id that is not below `from`.
  std::vector<std::pair<ObjectId, ObjectEntry>> page(ObjectId from, size_t most) const {
    std::vector<std::pair<ObjectId, ObjectEntry>> found;
    for (auto at = entries_.lower_bound(from); at != entries_.end() && found.size() < most; ++at) found.push_back(*at);
    return found;
  }

 private:
  Map entries_;
};

}  // namespace forebay::worker
