#include "master/persist/target.h"

#include <vector>

#include "master/namespace/inode.h"

namespace forebay::master {
namespace {

constexpr int kMaxDepth = 1'000'000;  // deeper than any path that could have been made: a ring in the records

// Absent from records that were written before directories had their names in them.
Result<std::string> name_of(const kv::Reader& reader, InodeId directory, const v1::InodeRecord& record) {
  if (!record.name().empty()) return record.name();
  std::string name;
  const std::string prefix = key::dentries(InodeId{record.parent()});
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    v1::DentryRecord entry;
    const bool parsed = entry.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (parsed && entry.inode() == directory.value) name = key.substr(prefix.size());
    return name.empty();
  }));
  if (name.empty()) return corrupt("directory " + to_string(directory) + " has no entry in its parent");
  return name;
}

// The record, unless the directory is gone or removed.
Result<std::optional<v1::InodeRecord>> linked_directory(const kv::Reader& reader, InodeId directory) {
  ASSIGN_OR_RETURN(auto record, read_record<v1::InodeRecord>(reader, key::inode(directory)));
  if (record && !is_linked(*record)) record.reset();
  return record;
}

}  // namespace

std::string join_key(std::string_view prefix, std::string_view name) {
  std::string key(prefix);
  if (!key.empty()) key += '/';
  return key.append(name);
}

Result<std::optional<Target>> directory_target(const kv::Reader& reader, const Mappings& mappings, InodeId directory) {
  if (mappings.empty()) return std::optional<Target>{};
  std::vector<std::string> names;
  const Mapping* mapping = nullptr;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    mapping = mappings.of_directory(directory);
    if (mapping) break;
    if (directory == kRootInode) return std::optional<Target>{};
    ASSIGN_OR_RETURN(auto record, linked_directory(reader, directory));
    if (!record) return std::optional<Target>{};
    ASSIGN_OR_RETURN(names.emplace_back(), name_of(reader, directory, *record));
    directory = InodeId{record->parent()};
  }
  if (!mapping) return corrupt("the parents of inode " + to_string(directory) + " form a ring");
  Target target{mapping, mapping->record.prefix()};
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (mapping->excludes(*name)) return std::optional<Target>{};
    target.key = join_key(target.key, *name);
  }
  return target;
}

Result<std::string> path_of(const kv::Reader& reader, InodeId directory, std::string_view name) {
  std::string path = "/" + std::string(name);
  for (int depth = 0; directory != kRootInode && depth < kMaxDepth; ++depth) {
    ASSIGN_OR_RETURN(auto record, linked_directory(reader, directory));
    if (!record) return std::string();
    ASSIGN_OR_RETURN(const std::string above, name_of(reader, directory, *record));
    path.insert(0, "/" + above);
    directory = InodeId{record->parent()};
  }
  return path;
}

Result<std::optional<Target>> entry_target(const kv::Reader& reader, const Mappings& mappings, InodeId directory,
                                           std::string_view name) {
  ASSIGN_OR_RETURN(std::optional<Target> target, directory_target(reader, mappings, directory));
  if (!target || target->mapping->excludes_file(name)) return std::optional<Target>{};
  target->key = join_key(target->key, name);
  return target;
}

Result<std::optional<Target>> binding_target(const kv::Reader& reader, const Mappings& mappings,
                                             const v1::BindingRecord& binding) {
  ASSIGN_OR_RETURN(std::optional<Target> target, entry_target(reader, mappings, InodeId{binding.directory()}, binding.name()));
  if (target && binding.has_aside() && target->is(binding.aside().mount(), binding.aside().target())) {
    target->key = binding.aside().key();
  }
  return target;
}

Result<std::optional<v1::DentryRecord>> entry_at(const kv::Reader& reader, const Mappings& mappings, uint64_t mount,
                                                 std::string_view key) {
  std::optional<v1::DentryRecord> entry;
  const Mapping* mapping = mappings.of_key(mount, key);
  if (!mapping || key.size() <= mapping->record.prefix().size()) return entry;
  std::string_view rest = key.substr(mapping->record.prefix().size());
  if (!mapping->record.prefix().empty()) rest.remove_prefix(1);
  InodeId directory = mapping->directory;
  for (;;) {
    const size_t slash = rest.find('/');
    ASSIGN_OR_RETURN(entry, read_record<v1::DentryRecord>(reader, key::dentry(directory, rest.substr(0, slash))));
    if (!entry || slash == std::string_view::npos) return entry;
    directory = InodeId{entry->inode()};
    rest.remove_prefix(slash + 1);
  }
}

Result<bool> holds_mapping(const kv::Reader& reader, const Mappings& mappings, InodeId directory) {
  for (const Mapping& mapping : mappings.all()) {
    InodeId at = mapping.directory;
    for (int depth = 0; at != directory && at != kRootInode && depth < kMaxDepth; ++depth) {
      ASSIGN_OR_RETURN(auto record, linked_directory(reader, at));
      if (!record) break;
      at = InodeId{record->parent()};
    }
    if (at == directory) return true;
  }
  return false;
}

}  // namespace forebay::master
