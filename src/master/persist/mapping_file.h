// The mapping file: JSON that says which directories are persisted, where to, and how.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "forebay/v1/persist_records.pb.h"

namespace forebay::master {

inline constexpr size_t kMaxMappingFile = 1 << 20;  // bytes
inline constexpr size_t kMaxMappings = 1'000;

struct MappingEntry {
  std::string path;          // the directory, absolute
  v1::MappingRecord record;  // path, target and policies; mount and prefix are for whoever knows the mounts
};
struct MappingFile {
  std::string mount_point;  // cacheOnlyMountPoint
  std::vector<MappingEntry> entries;
};

// Parses and checks what can be checked without knowing the namespace. Every error is `invalid` and names the file, the entry or
// the line, and what to do. A plain value means: keep, fail, no settling delay, no order, never evicted.
Result<MappingFile> parse_mapping_file(std::string_view file, std::string_view text);

}  // namespace forebay::master
