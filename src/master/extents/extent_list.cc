#include "master/extents/extent_list.h"

#include <algorithm>

namespace forebay::master {
namespace {

Piece head_of(const Piece& piece, uint64_t until) {
  return {piece.offset, until - piece.offset, piece.object, piece.object_offset};
}
Piece tail_of(const Piece& piece, uint64_t from) {
  uint64_t skipped = from - piece.offset;
  return {from, piece.length - skipped, piece.object, piece.object_offset + skipped};
}

void append_merging(std::vector<Piece>& pieces, const Piece& next) {
  if (!pieces.empty()) {
    Piece& last = pieces.back();
    bool continues =
        last.end() == next.offset && last.object == next.object && last.object_offset + last.length == next.object_offset;
    if (continues) {
      last.length += next.length;
      return;
    }
  }
  pieces.push_back(next);
}

}  // namespace

Result<ExtentList> ExtentList::from_record(const v1::ExtentListRecord& record) {
  ExtentList list;
  list.pieces_.reserve(static_cast<size_t>(record.extents_size()));
  uint64_t end = 0;
  for (const v1::Extent& extent : record.extents()) {
    bool fits = extent.length() != 0 && extent.length() <= INT64_MAX && extent.file_offset() <= INT64_MAX - extent.length() &&
                extent.object_offset() <= INT64_MAX - extent.length();
    if (!fits || extent.file_offset() < end)
      return corrupt("extent list out of order at " + std::to_string(extent.file_offset()));
    end = extent.file_offset() + extent.length();
    list.pieces_.push_back({extent.file_offset(), extent.length(), ObjectId{extent.object()}, extent.object_offset()});
  }
  return list;
}

v1::ExtentListRecord ExtentList::to_record() const {
  v1::ExtentListRecord record;
  record.mutable_extents()->Reserve(static_cast<int>(pieces_.size()));
  for (const Piece& piece : pieces_) {
    v1::Extent& extent = *record.add_extents();
    extent.set_file_offset(piece.offset);
    extent.set_length(piece.length);
    extent.set_object(piece.object.value);
    extent.set_object_offset(piece.object_offset);
  }
  return record;
}

uint64_t ExtentList::stored_bytes() const {
  uint64_t bytes = 0;
  for (const Piece& piece : pieces_) bytes += piece.length;
  return bytes;
}

size_t ExtentList::first_ending_after(uint64_t offset) const {
  auto first = std::ranges::upper_bound(pieces_, offset, {}, &Piece::end);
  return static_cast<size_t>(first - pieces_.begin());
}

ObjectIds ExtentList::objects() const {
  ObjectIds objects;
  objects.reserve(pieces_.size());
  for (const Piece& piece : pieces_) {
    if (objects.empty() || objects.back() != piece.object) objects.push_back(piece.object);
  }
  std::ranges::sort(objects);
  auto repeated = std::ranges::unique(objects);
  objects.erase(repeated.begin(), repeated.end());
  return objects;
}

void ExtentList::lay(const ExtentList& top, ObjectIds& covered) {
  if (top.pieces_.size() == 1) return lay(top.pieces_.front(), covered);
  std::vector<Piece> merged;
  merged.reserve(pieces_.size() + top.pieces_.size());
  auto next = top.pieces_.begin();
  auto last = top.pieces_.end();
  for (Piece base : pieces_) {
    while (next != last && next->end() <= base.offset) append_merging(merged, *next++);
    bool consumed = false;  // by a piece of `top` that goes on beyond it, and is appended later
    while (next != last && next->offset < base.end()) {
      covered.push_back(base.object);
      if (next->offset > base.offset) append_merging(merged, head_of(base, next->offset));
      consumed = next->end() >= base.end();
      if (consumed) break;
      append_merging(merged, *next);
      base = tail_of(base, next->end());
      ++next;
    }
    if (!consumed) append_merging(merged, base);
  }
  while (next != last) append_merging(merged, *next++);
  pieces_ = std::move(merged);
}

void ExtentList::replace(uint64_t begin, uint64_t end, std::span<const Piece> with, ObjectIds& covered) {
  size_t first = first_ending_after(begin);
  size_t last = first;
  while (last < pieces_.size() && pieces_[last].offset < end) covered.push_back(pieces_[last++].object);

  std::vector<Piece> middle;
  if (first > 0) middle.push_back(pieces_[first - 1]);  // may be continued by what comes
  if (first < last && pieces_[first].offset < begin) append_merging(middle, head_of(pieces_[first], begin));
  for (const Piece& piece : with) append_merging(middle, piece);
  if (first < last && pieces_[last - 1].end() > end) append_merging(middle, tail_of(pieces_[last - 1], end));
  if (last < pieces_.size()) append_merging(middle, pieces_[last++]);
  if (first > 0) --first;

  size_t reused = std::min(middle.size(), last - first);
  auto at = std::copy_n(middle.begin(), reused, pieces_.begin() + static_cast<ptrdiff_t>(first));
  if (reused < middle.size()) {
    pieces_.insert(at, middle.begin() + static_cast<ptrdiff_t>(reused), middle.end());
  } else {
    pieces_.erase(at, pieces_.begin() + static_cast<ptrdiff_t>(last));
  }
}

}  // namespace forebay::master
