// Any bytes as a mapping file. It is taken as a whole or refused with the file's name; what is taken keeps every promise of a
// mapping.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "master/persist/mapping_file.h"
#include "master/persist/paths.h"

namespace forebay::master {
namespace {

bool is_plain(std::string_view path) {
  const std::string closed = std::string(path) + "/";
  return path.starts_with('/') && !closed.contains("//") && !closed.contains("/./") && !closed.contains("/../") &&
         !closed.contains('\0');
}

void look_at(const MappingFile& file) {
  FOREBAY_CHECK(file.entries.size() <= kMaxMappings, "bounded");
  for (const MappingEntry& entry : file.entries) {
    const std::string& target = entry.record.target();
    FOREBAY_CHECK(is_plain(entry.path) && is_plain(target), "paths that mean what they say");
    FOREBAY_CHECK(is_at_or_below(entry.path, file.mount_point), "below the mount point");
    FOREBAY_CHECK(!is_at_or_below(target, file.mount_point), "never into the cache itself");
    FOREBAY_CHECK(entry.record.settle_ns() >= 0, "a delay");
    for (const MappingEntry& other : file.entries) {
      if (&other == &entry) continue;
      FOREBAY_CHECK(!is_at_or_below(target, other.record.target()), "targets do not overlap");
      FOREBAY_CHECK(entry.path != other.path, "a directory is mapped once");
    }
  }
}

}  // namespace
}  // namespace forebay::master

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace forebay::master;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  forebay::Result<MappingFile> parsed = parse_mapping_file("map.json", text);
  if (parsed) {
    look_at(*parsed);
  } else {
    FOREBAY_CHECK(parsed.error().is(forebay::Code::kInvalid), "the file is what is wrong");
    FOREBAY_CHECK(parsed.error().message().starts_with("mapping file map.json: "), "it says which");
    FOREBAY_CHECK(parsed.error().message().size() <= 4'096, "bounded");
  }
  return 0;
}
