// Which bytes of a file are where in which objects.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.h"

namespace forebay::client {

// `length` bytes at `offset` of the file are those at `object_offset` of the object.
struct Extent {
  uint64_t offset = 0, length = 0;
  ObjectId object;
  uint64_t object_offset = 0;

  uint64_t end() const { return offset + length; }
  bool operator==(const Extent&) const = default;
};

// Extents of one file that never overlap, in file order. Value type, caller synchronises. Neighbours that continue each other in
// file and object are one extent. Its size is the caller's to limit.
class ExtentMap {
 public:
  // Over whatever is there.
  void lay(Extent extent);
  // Makes [offset, offset + length) a hole.
  void erase(uint64_t offset, uint64_t length);
  // Forgets everything at `size` and beyond.
  void cut(uint64_t size);
  // The same bytes of an object are now elsewhere.
  void move(ObjectId from, uint64_t from_offset, uint64_t length, ObjectId to, uint64_t to_offset);
  // Adds `by` to the file offset of everything at or beyond `from`; nothing may be in the way.
  void shift(uint64_t from, uint64_t by);
  // The parts of extents in [offset, offset + length), in order.
  std::vector<Extent> find(uint64_t offset, uint64_t length) const;
  std::vector<Extent> all() const;
  bool mentions(ObjectId object) const;

  uint64_t end() const { return extents_.empty() ? 0 : extents_.rbegin()->second.end(); }
  size_t size() const { return extents_.size(); }
  bool empty() const { return extents_.empty(); }
  void clear() { extents_.clear(); }

 private:
  std::map<uint64_t, Extent> extents_;  // by file offset
};

}  // namespace forebay::client
