#include "master/persist/persistence.h"

#include <algorithm>

#include "master/schema.h"

namespace forebay::master {
namespace {

// * for any number of bytes, ? for one.
bool matches(std::string_view pattern, std::string_view name) {
  size_t at = 0, in = 0, after_star = std::string_view::npos, retry_from = 0;
  while (in < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      retry_from = in;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[in])) {
      ++at, ++in;
    } else if (after_star != std::string_view::npos) {
      at = after_star;
      in = ++retry_from;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace

bool Mapping::covers(uint64_t mount, std::string_view key) const {
  const std::string& prefix = record.prefix();
  if (mount != record.mount() || !key.starts_with(prefix)) return false;
  return prefix.empty() || key.size() == prefix.size() || key[prefix.size()] == '/';
}

bool Mapping::excludes_file(std::string_view name) const {
  return excludes(name) || std::ranges::any_of(record.black_list(), [&](const std::string& part) { return name.contains(part); });
}

bool Mapping::excludes(std::string_view name) const {
  return std::ranges::any_of(record.exclude(), [&](const std::string& pattern) { return matches(pattern, name); });
}

Result<Mappings> Mappings::load(const kv::Reader& reader) {
  Mappings mappings;
  ASSIGN_OR_RETURN(std::optional<std::string> changes, reader.get(key::mapping_changes()));
  if (!changes) return mappings;
  if (changes->size() != sizeof(uint64_t)) return std::unexpected(corrupt_record(key::mapping_changes()));
  mappings.changes_ = read_big_endian(*changes);
  std::optional<Status> failure;
  TRY(reader.scan("A", kv::prefix_end("A"), [&](std::string_view key, std::string_view value) {
    Mapping& mapping = mappings.all_.emplace_back();
    mapping.directory = InodeId{read_big_endian(key.substr(1))};
    if (!mapping.record.ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    return !failure;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  for (Mapping& mapping : mappings.all_) {
    const std::string mount_key = key::mount(mapping.record.mount());
    ASSIGN_OR_RETURN(std::optional<v1::MountRecord> mount, read_record<v1::MountRecord>(reader, mount_key));
    if (!mount) return std::unexpected(corrupt_record(mount_key));
    mapping.has_directories = mount->has_directories();
    mapping.has_rename = mount->has_rename();
  }
  return mappings;
}

const Mapping* Mappings::of_directory(InodeId directory) const {
  auto found = std::ranges::lower_bound(all_, directory, {}, &Mapping::directory);
  return found != all_.end() && found->directory == directory ? &*found : nullptr;
}

const Mapping* Mappings::of_key(uint64_t mount, std::string_view key) const {
  auto found = std::ranges::find_if(all_, [&](const Mapping& mapping) { return mapping.covers(mount, key); });
  return found != all_.end() ? &*found : nullptr;
}

Result<std::shared_ptr<const Mappings>> MappingTable::in_force(const kv::Reader& view) const {
  if (current_) return current_;
  ASSIGN_OR_RETURN(Mappings loaded, Mappings::load(view));
  auto mappings = std::make_shared<const Mappings>(std::move(loaded));
  ASSIGN_OR_RETURN(Mappings stored, Mappings::load(store_));
  if (stored.changes() == mappings->changes()) current_ = mappings;
  return mappings;
}

}  // namespace forebay::master
