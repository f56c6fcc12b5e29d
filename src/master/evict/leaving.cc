#include "master/evict/leaving.h"

#include <utility>
#include <vector>

#include "master/persist/pinned.h"
#include "master/persist/target.h"

namespace forebay::master {
namespace {

Result<bool> may_pass(const kv::Reader& reader, const v1::IntentPlace& place) {
  ASSIGN_OR_RETURN(const auto intent, read_record<v1::IntentRecord>(reader, key::intent(place.due_ns(), place.sequence())));
  return intent && !intent->permanent() && !intent->lost();
}

Result<bool> leaves(const kv::Reader& reader, const Mappings& mappings, const v1::BindingRecord& binding) {
  if (binding.has_conflict()) return false;
  const InodeId inode{binding.inode()};
  ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(reader, key::inode(inode)));
  const bool is_at_rest = record && record->type() == v1::FILE_TYPE_REGULAR && record->writers() == 0 && !record->dirty();
  // What an operation reads (pins()) may leave when it has ended.
  if (!is_at_rest || record->stored_bytes() == 0) return false;
  const bool is_clean = binding.has_bound() && binding.bound().version() == record->version();
  if (!is_clean && !binding.has_intent() && binding.operation() == 0) return false;
  ASSIGN_OR_RETURN(const std::optional<Target> target, binding_target(reader, mappings, binding));
  if (!target || target->mapping->record.evict() != v1::EVICT_CLEAN) return false;
  if (binding.has_intent()) {
    ASSIGN_OR_RETURN(const bool passes, may_pass(reader, binding.intent()));
    if (!passes) return false;
  }
  ASSIGN_OR_RETURN(const bool pinned, is_pinned_file(reader, inode, *record));
  return !pinned;
}

}  // namespace

Result<LeavingSlice> find_leaving(const kv::Reader& reader, uint64_t from, size_t most) {
  LeavingSlice slice;
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(reader));
  bool may_leave = false;
  for (const Mapping& mapping : mappings.all()) may_leave = may_leave || mapping.record.evict() == v1::EVICT_CLEAN;
  if (!may_leave) return slice;
  std::vector<std::pair<uint64_t, v1::BindingRecord>> bindings;
  TRY(reader.scan(key::binding(from), kv::prefix_end("B"), [&](std::string_view key, std::string_view value) {
    const uint64_t id = read_big_endian(key.substr(1));
    if (bindings.size() == most) {
      slice.next = id;
      return false;
    }
    v1::BindingRecord binding;
    if (!binding.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;  // fsck's to tell
    bindings.emplace_back(id, std::move(binding));
    return true;
  }));
  for (const auto& [id, binding] : bindings) {
    ASSIGN_OR_RETURN(const bool found, leaves(reader, mappings, binding));
    if (!found) continue;
    slice.found = id;
    break;
  }
  return slice;
}

}  // namespace forebay::master
