#include "master/extents/extent_list.h"

#include <algorithm>

namespace forebay::master {
namespace {

constexpr uint64_t kLargestEnd = INT64_MAX;

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
  int count = record.length_size();
  if (record.gap_size() != count || record.object_size() != count || record.object_offset_size() != count) {
    return corrupt("extent list with " + std::to_string(count) + " lengths and other numbers of the rest");
  }
  ExtentList list;
  list.pieces_.reserve(static_cast<size_t>(count));
  uint64_t end = 0;
  for (int i = 0; i < count; ++i) {
    uint64_t gap = record.gap(i), length = record.length(i), object_offset = record.object_offset(i);
    bool fits =
        gap <= kLargestEnd - end && length != 0 && length <= kLargestEnd - end - gap && object_offset <= kLargestEnd - length;
    if (!fits) return corrupt("extent list with an impossible piece after " + std::to_string(end));
    list.pieces_.push_back({end + gap, length, ObjectId{record.object(i)}, object_offset});
    end += gap + length;
  }
  return list;
}

v1::ExtentListRecord ExtentList::to_record() const {
  v1::ExtentListRecord record;
  int count = static_cast<int>(pieces_.size());
  record.mutable_gap()->Reserve(count);
  record.mutable_length()->Reserve(count);
  record.mutable_object()->Reserve(count);
  record.mutable_object_offset()->Reserve(count);
  uint64_t end = 0;
  for (const Piece& piece : pieces_) {
    record.add_gap(piece.offset - end);
    record.add_length(piece.length);
    record.add_object(piece.object.value);
    record.add_object_offset(piece.object_offset);
    end = piece.end();
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
