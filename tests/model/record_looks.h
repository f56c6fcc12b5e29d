// Looking into the records of a small world.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "master/persist/stored_content.h"
#include "records.h"

namespace forebay::model {

template <class Record>
std::optional<Record> find(const Records& records, const std::string& key) {
  auto found = records.find(key);
  if (found == records.end()) return std::nullopt;
  Record record;
  record.ParseFromString(found->second);
  return record;
}

template <class Record>
std::vector<std::pair<uint64_t, Record>> all_of(const Records& records, char tag) {
  std::vector<std::pair<uint64_t, Record>> all;
  for (auto at = records.lower_bound(std::string(1, tag)); at != records.end() && at->first[0] == tag; ++at) {
    auto& [id, record] = all.emplace_back();
    id = read_big_endian(std::string_view(at->first).substr(1, 8));
    record.ParseFromString(at->second);
  }
  return all;
}

inline bool has_copies(const Shared& records, InodeId inode, uint64_t version) {
  const auto cached = master::is_cached(RecordsReader(records), inode, Version{version});
  return cached && *cached;
}

}  // namespace forebay::model
