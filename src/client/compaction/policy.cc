#include "client/compaction/policy.h"

#include <algorithm>

#include "client/layout_cache.h"

namespace forebay::client {

namespace {
// Between two runs of rewritten extents lies a whole one, so there are at most two for each length of a whole one.
constexpr uint64_t kWholeExtentsOfFile = 128 * 1024;
}  // namespace

uint64_t whole_extent_bytes(uint64_t file_size, uint64_t least) { return std::max(least, file_size / kWholeExtentsOfFile); }

std::set<ObjectId> mostly_dead(const std::map<ObjectId, ObjectUse>& uses, uint64_t least_bytes) {
  std::set<ObjectId> dead;
  uint64_t bytes = 0;
  for (const auto& [object, use] : uses) {
    if (use.live >= use.length / 2) continue;
    dead.insert(object);
    bytes += use.length - use.live;
  }
  if (bytes < least_bytes) dead.clear();
  return dead;
}

std::vector<Extent> choose_extents(const std::vector<Extent>& extents, uint64_t whole_bytes, const std::set<ObjectId>& dead) {
  std::vector<bool> joins(extents.size());
  size_t saved = 0;
  for (size_t i = 1; i < extents.size(); ++i) {
    const Extent &one = extents[i - 1], &two = extents[i];
    if (one.end() != two.offset || one.length >= whole_bytes || two.length >= whole_bytes) continue;
    joins[i - 1] = joins[i] = true;
    ++saved;
  }
  const bool worth_it = saved > 0 && saved * 2 >= extents.size();
  std::vector<Extent> chosen;
  for (size_t i = 0; i < extents.size(); ++i) {
    if ((worth_it && joins[i]) || dead.contains(extents[i].object)) chosen.push_back(extents[i]);
  }
  return chosen;
}

std::vector<Extent> take_slice(std::vector<Extent>& chosen, uint64_t bytes) {
  std::vector<Extent> slice;
  size_t taken = 0;
  for (; taken < chosen.size() && bytes > 0; ++taken) {
    Extent& extent = chosen[taken];
    const uint64_t length = std::min(extent.length, bytes);
    slice.push_back({extent.offset, length, extent.object, extent.object_offset});
    bytes -= length;
    if (length == extent.length) continue;
    extent = {extent.offset + length, extent.length - length, extent.object, extent.object_offset + length};
    break;
  }
  chosen.erase(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(taken));
  return slice;
}

std::vector<v1::NewExtent> rewritten(const std::vector<Extent>& slice, ObjectId object) {
  ExtentMap joined;
  uint64_t position = 0;
  for (const Extent& extent : slice) {
    joined.lay({extent.offset, extent.length, object, position});
    position += extent.length;
  }
  std::vector<v1::NewExtent> extents;
  for (const Extent& extent : joined.all()) *extents.emplace_back().mutable_extent() = to_wire(extent);
  return extents;
}

}  // namespace forebay::client
