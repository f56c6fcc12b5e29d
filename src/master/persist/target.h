// Where in the under store something belongs, from the names it has now.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "master/persist/persistence.h"
#include "master/schema.h"

namespace forebay::master {

// A key of a mapping's mount.
struct Target {
  const Mapping* mapping;
  std::string key;

  uint64_t mount() const { return mapping->record.mount(); }
  bool is(uint64_t other_mount, std::string_view other_key) const { return mount() == other_mount && key == other_key; }
};

// The key of a directory: up to the nearest mapped one. None: no mapping there, an excluded name on the way, or a directory that
// has been removed. One read for each directory on the way.
Result<std::optional<Target>> directory_target(const kv::Reader& reader, const Mappings& mappings, InodeId directory);

// The key of a file's entry, whether it exists or not; none also when its name is excluded.
Result<std::optional<Target>> entry_target(const kv::Reader& reader, const Mappings& mappings, InodeId directory,
                                           std::string_view name);
// Of a binding: the key beside its own, while it has one (keep-both).
Result<std::optional<Target>> binding_target(const kv::Reader& reader, const Mappings& mappings,
                                             const v1::BindingRecord& binding);

// What the namespace has at a key: the way down from the mapped directory.
Result<std::optional<v1::DentryRecord>> entry_at(const kv::Reader& reader, const Mappings& mappings, uint64_t mount,
                                                 std::string_view key);

// Is `directory`, or one below it, mapped?
Result<bool> holds_mapping(const kv::Reader& reader, const Mappings& mappings, InodeId directory);

// "/a/b/name", from the root on; empty when a directory on the way has been removed.
Result<std::string> path_of(const kv::Reader& reader, InodeId directory, std::string_view name);

std::string join_key(std::string_view prefix, std::string_view name);

}  // namespace forebay::master
