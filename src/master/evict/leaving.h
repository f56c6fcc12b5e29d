// Whether anything below a mapping is going to leave the cache.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "kv/store.h"

namespace forebay::master {

struct LeavingSlice {
  std::optional<uint64_t> found;  // the first binding whose content will leave
  uint64_t next = 0;              // the binding to go on from; 0: that was all
};

// Of `most` bindings from `from` on, up to the first whose file is below a mapping with `evict: clean`, has content on workers,
// is not pinned and not open for writing, and is clean already, or on its way to its key without an error that cannot pass.
Result<LeavingSlice> find_leaving(const kv::Reader& reader, uint64_t from, size_t most);

}  // namespace forebay::master
