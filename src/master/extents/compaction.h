// The same bytes in fewer pieces.
#pragma once

#include "master/extents/extent_list.h"
#include "master/operation.h"

namespace forebay::master {

// [begin, end) of the file, read at `layout` and written again into objects granted to the handle, which are sealed here.
struct Replacement {
  HandleId handle;  // of the caller's session
  uint64_t layout = 0;
  uint64_t begin = 0, end = 0;  // within the file's size
  std::vector<Piece> with;      // in order, within the range
  std::vector<v1::SealedObject> sealed;
};

// Swaps the range if the content has not changed since: else `stale`, and the new objects are given back unused. Neither times
// nor version change, the layout number does: the sealed version holds the same bytes. What is no longer referred to is freed.
Result<v1::Attr> replace_extents(MutationContext& context, const Replacement& replacement);

}  // namespace forebay::master
