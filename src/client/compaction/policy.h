// Which bytes of a fragmented file are worth writing together. Pure decisions.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "client/extent_map.h"
#include "forebay/v1/namespace.pb.h"

namespace forebay::client {

// How much of an object a file still refers to.
struct ObjectUse {
  uint64_t live = 0, length = 0;
};

// The length from which an extent counts as whole: `least`, or more in a file so large that it would have too many of that
// length. A file compacted by it has at most 262,144 extents, however it was written; the master takes four times as many.
uint64_t whole_extent_bytes(uint64_t file_size, uint64_t least);

// Objects that are more than half dead, when together they keep at least `least_bytes` that nothing refers to; else none.
std::set<ObjectId> mostly_dead(const std::map<ObjectId, ObjectUse>& uses, uint64_t least_bytes);

// Of extents in file order, those to write again: neighbours that are not whole, if that at least halves the number of extents
// (so that bytes are rewritten as often as the logarithm of their number, not each time), and everything in `dead` objects.
std::vector<Extent> choose_extents(const std::vector<Extent>& extents, uint64_t whole_bytes, const std::set<ObjectId>& dead);

// The first `bytes` of them; the rest stays in `chosen`.
std::vector<Extent> take_slice(std::vector<Extent>& chosen, uint64_t bytes);

// What `slice`, written one after the other from the beginning of `object`, is in a commit.
std::vector<v1::NewExtent> rewritten(const std::vector<Extent>& slice, ObjectId object);

}  // namespace forebay::client
