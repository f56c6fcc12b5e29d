#include "client/extent_map.h"

#include <algorithm>
#include <limits>

namespace forebay::client {

namespace {
bool continues(const Extent& left, const Extent& right) {
  return left.end() == right.offset && left.object == right.object && left.object_offset + left.length == right.object_offset;
}

// The part of `extent` in [begin, end), which is not empty.
Extent part(const Extent& extent, uint64_t begin, uint64_t end) {
  begin = std::max(begin, extent.offset);
  end = std::min(end, extent.end());
  return {begin, end - begin, extent.object, extent.object_offset + (begin - extent.offset)};
}
}  // namespace

void ExtentMap::lay(Extent extent) {
  if (extent.length == 0) return;
  erase(extent.offset, extent.length);
  auto next = extents_.lower_bound(extent.offset);
  if (next != extents_.end() && continues(extent, next->second)) {
    extent.length += next->second.length;
    next = extents_.erase(next);
  }
  if (next != extents_.begin()) {
    auto previous = std::prev(next);
    if (continues(previous->second, extent)) {
      previous->second.length += extent.length;
      return;
    }
  }
  extents_.emplace_hint(next, extent.offset, extent);
}

void ExtentMap::erase(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  const uint64_t end =
      length > std::numeric_limits<uint64_t>::max() - offset ? std::numeric_limits<uint64_t>::max() : offset + length;
  auto at = extents_.lower_bound(offset);
  if (at != extents_.begin() && std::prev(at)->second.end() > offset) --at;
  while (at != extents_.end() && at->second.offset < end) {
    const Extent old = at->second;
    at = extents_.erase(at);
    if (old.offset < offset) extents_.emplace(old.offset, part(old, old.offset, offset));
    if (old.end() > end) extents_.emplace(end, part(old, end, old.end()));
  }
}

void ExtentMap::cut(uint64_t size) { erase(size, std::numeric_limits<uint64_t>::max() - size); }

void ExtentMap::move(ObjectId from, uint64_t from_offset, uint64_t length, ObjectId to, uint64_t to_offset) {
  const uint64_t from_end = from_offset + length;
  std::vector<Extent> moved;
  for (const auto& [offset, extent] : extents_) {
    if (extent.object != from || extent.object_offset >= from_end || extent.object_offset + extent.length <= from_offset)
      continue;
    const uint64_t begin = std::max(extent.object_offset, from_offset);
    const uint64_t end = std::min(extent.object_offset + extent.length, from_end);
    moved.push_back({offset + (begin - extent.object_offset), end - begin, to, to_offset + (begin - from_offset)});
  }
  for (const Extent& extent : moved) lay(extent);
}

void ExtentMap::shift(uint64_t from, uint64_t by) {
  std::vector<Extent> moved = find(from, std::numeric_limits<uint64_t>::max() - from);
  cut(from);
  for (Extent& extent : moved) {
    extent.offset += by;
    lay(extent);
  }
}

std::vector<Extent> ExtentMap::find(uint64_t offset, uint64_t length) const {
  std::vector<Extent> found;
  if (length == 0) return found;
  const uint64_t end =
      length > std::numeric_limits<uint64_t>::max() - offset ? std::numeric_limits<uint64_t>::max() : offset + length;
  auto at = extents_.lower_bound(offset);
  if (at != extents_.begin() && std::prev(at)->second.end() > offset) --at;
  for (; at != extents_.end() && at->second.offset < end; ++at) found.push_back(part(at->second, offset, end));
  return found;
}

std::vector<Extent> ExtentMap::all() const {
  std::vector<Extent> found;
  found.reserve(extents_.size());
  for (const auto& [offset, extent] : extents_) found.push_back(extent);
  return found;
}

bool ExtentMap::mentions(ObjectId object) const {
  return std::ranges::any_of(extents_, [object](const auto& entry) { return entry.second.object == object; });
}

}  // namespace forebay::client
