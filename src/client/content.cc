#include "client/content.h"

#include <algorithm>

#include "base/check.h"

namespace forebay::client {

namespace {
constexpr size_t kMaxOwnObjects = 1024;  // 64 GiB written through one open file, in objects of the default size
}

void Content::adopt(const v1::Layout& page, uint64_t from) {
  std::lock_guard lock(mutex_);
  if (page.layout() > committed_.layout()) ++changes_;
  if (committed_.adopt(page, from)) committed_size_ = page.size();
}

void Content::adopt(const v1::Attr& attr) {
  std::lock_guard lock(mutex_);
  if (attr.layout() <= committed_.layout()) return;
  ++changes_;
  committed_.forget(attr.layout());
  committed_size_ = attr.size();
}

void Content::forget_layout() {
  std::lock_guard lock(mutex_);
  committed_.forget(0);
}

void Content::truncated(const v1::Attr& attr) {
  std::lock_guard lock(mutex_);
  if (attr.layout() < committed_.layout()) return;
  ++changes_;
  // The next layout may be another client's that had this size already: nobody says so. An empty file has nothing in it, whoever
  // made it so.
  if (attr.size() == 0) {
    committed_.truncated(attr.layout(), 0);
  } else if (attr.layout() > committed_.layout()) {
    committed_.forget(attr.layout());
  }
  committed_size_ = attr.size();
}

void Content::discard_written() {
  std::lock_guard lock(mutex_);
  ++changes_;
  written_.clear();
  append_base_.reset();
}

void Content::placed(ObjectId object, const std::vector<WorkerId>& workers) {
  std::lock_guard lock(mutex_);
  own_objects_[object] = workers;
}

void Content::lay(const Extent& extent) {
  std::lock_guard lock(mutex_);
  FOREBAY_CHECK(!append_base_, "appended bytes are committed before others are laid over them");
  ++changes_;
  written_.lay(extent);
}

void Content::lay_appended(const Extent& extent) {
  std::lock_guard lock(mutex_);
  ++changes_;
  if (!append_base_) append_base_ = extent.offset;
  written_.lay(extent);
}

void Content::move(ObjectId from, uint64_t from_offset, uint64_t length, ObjectId to, uint64_t to_offset) {
  std::lock_guard lock(mutex_);
  ++moves_;
  written_.move(from, from_offset, length, to, to_offset);
}

uint64_t Content::moves() const {
  std::lock_guard lock(mutex_);
  return moves_;
}

bool Content::has_appended() const {
  std::lock_guard lock(mutex_);
  return append_base_.has_value();
}

std::optional<Extent> Content::written_whole(uint64_t offset, uint64_t length) const {
  std::lock_guard lock(mutex_);
  std::vector<Extent> found = written_.find(offset, length);
  if (found.size() != 1 || found.front().length != length) return std::nullopt;
  return found.front();
}

void Content::overwritten() {
  std::lock_guard lock(mutex_);
  ++changes_;
}

size_t Content::written_extents() const {
  std::lock_guard lock(mutex_);
  return written_.size();
}

std::vector<v1::NewExtent> Content::begin_commit(size_t most) {
  std::lock_guard lock(mutex_);
  FOREBAY_CHECK(committing_.empty(), "one commit at a time");
  std::vector<v1::NewExtent> taken;
  auto take = [&](const Extent& extent, bool at_end) {
    v1::NewExtent& wire = taken.emplace_back();
    *wire.mutable_extent() = to_wire(extent);
    wire.set_at_end(at_end);
    committing_.lay(extent);
  };
  uint64_t taken_until = 0;
  for (const Extent& extent : written_.all()) {
    if (taken.size() >= most) break;
    taken_until = extent.end();
    if (append_base_ && extent.offset < *append_base_ && extent.end() > *append_base_) {
      const uint64_t before = *append_base_ - extent.offset;
      take({extent.offset, before, extent.object, extent.object_offset}, false);
      take({*append_base_, extent.length - before, extent.object, extent.object_offset + before}, true);
    } else {
      take(extent, append_base_ && extent.offset >= *append_base_);
    }
  }
  written_.erase(0, taken_until);
  if (append_base_) append_base_ = std::max(*append_base_, taken_until);
  if (written_.empty()) append_base_.reset();
  return taken;
}

void Content::finish_commit(const std::vector<v1::NewExtent>& extents, const v1::CommitReply& reply,
                            std::shared_ptr<const std::string> inlined) {
  std::lock_guard lock(mutex_);
  const v1::Attr& attr = reply.attr();
  const bool nobody_else = attr.layout() == committed_.layout() + 1 && reply.offsets_size() == static_cast<int>(extents.size());
  if (nobody_else) {
    std::vector<Extent> laid;
    for (size_t i = 0; i < extents.size(); ++i) {
      laid.push_back(from_wire(extents[i].extent()));
      laid.back().offset = reply.offsets(static_cast<int>(i));
    }
    committed_.committed(attr.layout(), laid);
    if (inlined) committed_.keep(ObjectId{reply.inline_object()}, inlined);
  } else if (attr.layout() > committed_.layout()) {
    ++changes_;  // with what others have committed in between
    committed_.forget(attr.layout());
  }
  if (attr.layout() >= committed_.layout()) committed_size_ = attr.size();
  committing_.clear();
  if (inlined) ++moves_;  // they were under a provisional object
  if (own_objects_.size() > kMaxOwnObjects) {
    committed_.forget(committed_.layout());  // the next read fetches the layout, and with it their places
    std::erase_if(own_objects_, [this](const auto& own) { return !written_.mentions(own.first); });
  }
  if (append_base_ && *append_base_ < committed_size_) {
    // Others appended in between: what was appended here since then follows their bytes.
    const uint64_t by = committed_size_ - *append_base_;
    ++changes_;
    written_.shift(*append_base_, by);
    *append_base_ += by;
  }
}

Found Content::find(uint64_t offset, uint64_t length) const {
  std::lock_guard lock(mutex_);
  Found found;
  found.size = size_locked();
  found.moves = moves_;
  found.layout = committed_.layout();
  if (offset >= found.size) return found;
  const uint64_t end = offset + std::min(length, found.size - offset);
  uint64_t at = offset;
  auto take = [&](const Extent& extent) {
    found.pieces.push_back({extent.offset, extent.length, extent.object, extent.object_offset, false});
    at = extent.end();
  };
  auto below = [&](uint64_t until) {  // what the written layer leaves open, up to `until`
    for (const Extent& extent : committing_.find(at, until - at)) {
      if (found.unknown_from) return;
      find_committed(at, extent.offset, found);
      if (!found.unknown_from) take(extent);
    }
    if (!found.unknown_from) find_committed(at, until, found);
    at = until;
  };
  for (const Extent& extent : written_.find(offset, end - offset)) {
    below(extent.offset);
    if (found.unknown_from) return found;
    take(extent);
  }
  below(end);
  return found;
}

void Content::find_committed(uint64_t begin, uint64_t end, Found& found) const {
  while (begin < end) {
    std::optional<uint64_t> known = committed_.known_until(begin);
    if (!known) {
      if (begin >= committed_size_) {
        found.pieces.push_back({begin, end - begin, ObjectId{}, 0, true});
      } else {
        found.unknown_from = begin;
      }
      return;
    }
    const uint64_t until = std::min(end, *known);
    uint64_t at = begin;
    for (const Extent& extent : committed_.extents().find(begin, until - begin)) {
      if (extent.offset > at) found.pieces.push_back({at, extent.offset - at, ObjectId{}, 0, true});
      found.pieces.push_back(
          {extent.offset, extent.length, extent.object, extent.object_offset, true, committed_.inlined(extent.object)});
      at = extent.end();
    }
    if (at < until) found.pieces.push_back({at, until - at, ObjectId{}, 0, true});
    begin = until;
  }
}

std::vector<WorkerId> Content::locate(ObjectId object) const {
  std::lock_guard lock(mutex_);
  std::vector<WorkerId> workers = committed_.locate(object);
  if (!workers.empty()) return workers;
  auto own = own_objects_.find(object);
  return own == own_objects_.end() ? std::vector<WorkerId>{} : own->second;
}

uint64_t Content::size_locked() const { return std::max({committed_size_, written_.end(), committing_.end()}); }

uint64_t Content::size() const {
  std::lock_guard lock(mutex_);
  return size_locked();
}

uint64_t Content::committed_size() const {
  std::lock_guard lock(mutex_);
  return committed_size_;
}

size_t Content::known_extents() const {
  std::lock_guard lock(mutex_);
  return committed_.extents().size();
}

std::vector<Extent> Content::known_layout() const {
  std::lock_guard lock(mutex_);
  return committed_.extents().all();
}

uint64_t Content::layout() const {
  std::lock_guard lock(mutex_);
  return committed_.layout();
}

uint64_t Content::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

bool Content::has_uncommitted() const {
  std::lock_guard lock(mutex_);
  return !written_.empty() || !committing_.empty();
}

void Content::merge_into(v1::Attr& attr) const {
  std::lock_guard lock(mutex_);
  if (attr.layout() <= committed_.layout()) attr.set_size(committed_size_);
  attr.set_size(std::max({attr.size(), written_.end(), committing_.end()}));
}

}  // namespace forebay::client
