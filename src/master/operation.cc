#include "master/operation.h"

#include <algorithm>

#include "master/numbers.h"

namespace forebay::master {

bool Caller::in_group(uint32_t group) const { return group == gid || std::ranges::find(groups, group) != groups.end(); }

Result<uint64_t> MutationContext::next_id(std::string_view counter) { return next_number(txn, counter); }

}  // namespace forebay::master
