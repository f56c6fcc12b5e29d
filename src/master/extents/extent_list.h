// The content of a file as an ordered list of pieces of objects.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "forebay/v1/records.pb.h"

namespace forebay::master {

// `length` bytes of the file at `offset` are those at `object_offset` of the object.
struct Piece {
  uint64_t offset = 0, length = 0;
  ObjectId object;
  uint64_t object_offset = 0;

  uint64_t end() const { return offset + length; }
  bool operator==(const Piece&) const = default;
};

using ObjectIds = std::vector<ObjectId>;

// Pieces in file order, never overlapping, never empty; what is between them are holes. Neighbours that continue each other in
// one object are one piece. Value type. Every change appends to `covered` the objects that lost bytes; some of them may still
// have others in the list. Offsets and ends fit in 63 bits: callers check.
class ExtentList {
 public:
  ExtentList() = default;
  static Result<ExtentList> from_record(const v1::ExtentListRecord& record);  // `corrupt`: empty pieces, ends beyond 63 bits
  v1::ExtentListRecord to_record() const;

  const std::vector<Piece>& pieces() const { return pieces_; }
  bool empty() const { return pieces_.empty(); }
  uint64_t end() const { return pieces_.empty() ? 0 : pieces_.back().end(); }
  uint64_t stored_bytes() const;
  size_t first_ending_after(uint64_t offset) const;  // index; pieces().size() when there is none
  ObjectIds objects() const;                         // ascending, each once

  // Logarithmic where the list is not long behind the piece.
  void lay(const Piece& piece, ObjectIds& covered) { replace(piece.offset, piece.end(), {&piece, 1}, covered); }
  // All of `top` over this list: linear in both.
  void lay(const ExtentList& top, ObjectIds& covered);
  void truncate(uint64_t size, ObjectIds& covered) { replace(size, UINT64_MAX, {}, covered); }
  // [begin, end) becomes exactly `with`, ordered pieces within that range.
  void replace(uint64_t begin, uint64_t end, std::span<const Piece> with, ObjectIds& covered);

 private:
  std::vector<Piece> pieces_;
};

}  // namespace forebay::master
