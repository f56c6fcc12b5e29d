#include "master/operation.h"

#include <algorithm>

#include "base/bytes.h"
#include "master/schema.h"

namespace forebay::master {

bool Caller::in_group(uint32_t group) const { return group == gid || std::ranges::find(groups, group) != groups.end(); }

Result<uint64_t> MutationContext::next_id(std::string_view counter) { return next_number(txn, counter); }

Result<uint64_t> next_number(kv::Txn& txn, std::string_view counter) {
  const std::string key = key::counter(counter);
  ASSIGN_OR_RETURN(const std::optional<std::string> stored, txn.get(key));
  if (stored && stored->size() != sizeof(uint64_t)) return std::unexpected(corrupt_record(key));
  const uint64_t id = stored ? read_big_endian(*stored) : 1;
  std::string following;
  append_big_endian(following, id + 1);
  txn.put(key, std::move(following));
  return id;
}

}  // namespace forebay::master
