#include "client/layout_cache.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/crc32c.h"

namespace forebay::client {

Extent from_wire(const v1::Extent& extent) {
  return {extent.file_offset(), extent.length(), ObjectId{extent.object()}, extent.object_offset()};
}

v1::Extent to_wire(const Extent& extent) {
  v1::Extent wire;
  wire.set_file_offset(extent.offset);
  wire.set_length(extent.length);
  wire.set_object(extent.object.value);
  wire.set_object_offset(extent.object_offset);
  return wire;
}

bool is_intact(const v1::ObjectLocation& inlined) {
  return inlined.content().size() == inlined.length() && crc32c(as_bytes(inlined.content())) == inlined.crc32c();
}

bool LayoutCache::take_inlined(const v1::ObjectLocation& object) {
  if (inlined_.contains(ObjectId{object.object()})) return true;
  if (!is_intact(object)) return false;
  keep(ObjectId{object.object()}, std::make_shared<const std::string>(object.content()));
  return true;
}

void LayoutCache::keep(ObjectId object, std::shared_ptr<const std::string> content) {
  std::shared_ptr<const std::string>& kept = inlined_[object];
  if (kept) inline_bytes_ -= kept->size();
  inline_bytes_ += content->size();
  kept = std::move(content);
}

std::shared_ptr<const std::string> LayoutCache::inlined(ObjectId object) const {
  const auto found = inlined_.find(object);
  return found == inlined_.end() ? nullptr : found->second;
}

bool LayoutCache::adopt(const v1::Layout& page, uint64_t from) {
  if (page.layout() < layout_) return false;
  const bool full = extents_.size() + static_cast<size_t>(page.extents_size()) > max_extents_ || inline_bytes_ > kMaxInline;
  if (page.layout() > layout_ || full) forget(page.layout());
  std::set<uint64_t> left_out;
  uint64_t end = from;
  for (const v1::Extent& wire : page.extents()) {
    const Extent extent = from_wire(wire);
    extents_.lay(extent);
    end = std::max(end, extent.end());
  }
  for (const v1::ObjectLocation& object : page.objects()) {
    std::vector<WorkerId>& workers = locations_[ObjectId{object.object()}];
    workers.clear();
    for (uint64_t worker : object.workers()) workers.push_back(WorkerId{worker});
    if (object.inlined() && !take_inlined(object)) left_out.insert(object.object());
  }
  know(from, page.more() ? end : std::numeric_limits<uint64_t>::max());
  if (left_out.empty()) return true;
  for (const v1::Extent& wire : page.extents()) {
    if (left_out.contains(wire.object())) unknow(wire.file_offset(), wire.file_offset() + wire.length());
  }
  return true;
}

void LayoutCache::forget(uint64_t layout) {
  layout_ = std::max(layout_, layout);
  extents_.clear();
  known_.clear();
  locations_.clear();
  inlined_.clear();
  inline_bytes_ = 0;
}

void LayoutCache::committed(uint64_t layout, const std::vector<Extent>& extents) {
  layout_ = layout;
  if (extents_.size() + extents.size() > max_extents_ || inline_bytes_ > kMaxInline) forget(layout);
  for (const Extent& extent : extents) {
    extents_.lay(extent);
    know(extent.offset, extent.end());
  }
}

void LayoutCache::truncated(uint64_t layout, uint64_t size) {
  layout_ = layout;
  extents_.cut(size);
  know(size, std::numeric_limits<uint64_t>::max());
}

std::optional<uint64_t> LayoutCache::known_until(uint64_t offset) const {
  auto after = known_.upper_bound(offset);
  if (after == known_.begin()) return std::nullopt;
  --after;
  if (after->second <= offset) return std::nullopt;
  return after->second;
}

std::vector<WorkerId> LayoutCache::locate(ObjectId object) const {
  auto found = locations_.find(object);
  return found == locations_.end() ? std::vector<WorkerId>{} : found->second;
}

void LayoutCache::unknow(uint64_t begin, uint64_t end) {
  auto at = known_.upper_bound(begin);
  if (at != known_.begin() && std::prev(at)->second > begin) --at;
  while (at != known_.end() && at->first < end) {
    const auto [first, last] = *at;
    at = known_.erase(at);
    if (first < begin) known_.emplace(first, begin);
    if (last > end) known_.emplace(end, last);
  }
}

void LayoutCache::know(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto at = known_.upper_bound(begin);
  if (at != known_.begin() && std::prev(at)->second >= begin) --at;
  while (at != known_.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = known_.erase(at);
  }
  known_.emplace(begin, end);
}

}  // namespace forebay::client
