#include "master/evict/candidates.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/objects.h"
#include "master/persist/pinned.h"
#include "master/persist/target.h"

namespace forebay::master {
namespace {

constexpr size_t kMostObjects = 1'024;  // of one file; of a larger one they stand for the rest

bool is_at_rest(const v1::BindingRecord& binding, const v1::InodeRecord& record) {
  const bool is_used = record.type() != v1::FILE_TYPE_REGULAR || record.dirty() || record.writers() != 0 || record.pins() != 0;
  return !is_used && record.stored_bytes() != 0 && binding.bound().version() == record.version();
}

Result<std::map<WorkerId, uint64_t>> bytes_at(const kv::Reader& reader, InodeId inode, Version version,
                                              const std::map<WorkerId, uint64_t>& full) {
  std::map<WorkerId, uint64_t> bytes;
  ASSIGN_OR_RETURN(const ExtentList list, load_list(reader, key::sealed_extents(inode, version)));
  size_t looked = 0;
  for (const ObjectId object : list.objects()) {
    if (++looked > kMostObjects) break;
    ASSIGN_OR_RETURN(const auto record, load_object(reader, object));
    if (!record) continue;
    for (const uint64_t worker : record->workers()) {
      if (full.contains(WorkerId{worker})) bytes[WorkerId{worker}] += record->length();
    }
  }
  return bytes;
}

}  // namespace

Result<CandidateSlice> find_candidates(const kv::Reader& reader, const AccessTable& accesses,
                                       const std::map<WorkerId, uint64_t>& full, uint64_t from, size_t most) {
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(reader));
  std::vector<v1::BindingRecord> clean;
  CandidateSlice slice;
  TRY(reader.scan(key::binding(from), kv::prefix_end("B"), [&](std::string_view key, std::string_view value) {
    if (slice.looked_at == most) {
      slice.next = read_big_endian(key.substr(1));
      return false;
    }
    ++slice.looked_at;
    v1::BindingRecord binding;
    if (!binding.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;  // fsck's to tell
    const bool waits = !binding.has_bound() || binding.has_intent() || binding.operation() != 0 || binding.has_conflict();
    if (waits) return true;
    const Mapping* mapping = mappings.of_key(binding.bound().mount(), binding.bound().key());
    if (mapping && mapping->record.evict() == v1::EVICT_CLEAN) clean.push_back(std::move(binding));
    return true;
  }));
  for (const v1::BindingRecord& binding : clean) {
    Candidate candidate{.inode = InodeId{binding.inode()}};
    ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(reader, key::inode(candidate.inode)));
    if (!record || !is_at_rest(binding, *record)) continue;
    ASSIGN_OR_RETURN(candidate.bytes, bytes_at(reader, candidate.inode, Version{record->version()}, full));
    if (candidate.bytes.empty()) continue;
    ASSIGN_OR_RETURN(const bool pinned, is_pinned_file(reader, candidate.inode, *record));
    if (pinned) continue;
    candidate.used_ns = std::max(accesses.last(candidate.inode), record->mtime_ns());
    slice.found.push_back(std::move(candidate));
  }
  return slice;
}

}  // namespace forebay::master
