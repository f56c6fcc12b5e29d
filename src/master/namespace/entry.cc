#include "master/namespace/entry.h"

#include "base/check.h"
#include "master/namespace/name_leases.h"
#include "master/persist/hooks.h"

namespace forebay::master {
namespace {

void mark_changed(MutationContext& context, Directory& directory) {
  int64_t now = os::unix_nanos(context.now);
  directory.record.set_mtime_ns(now);
  directory.record.set_ctime_ns(now);
}

}  // namespace

Result<Directory> load_directory(const kv::Reader& reader, const Caller& caller, InodeId directory) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(reader, directory));
  if (record.type() != v1::FILE_TYPE_DIRECTORY) return rejected(ENOTDIR, "not a directory");
  TRY(check_access(caller, record, kMayExecute));
  if (!is_linked(record)) return rejected(ENOENT, "removed");
  return Directory{directory, std::move(record)};
}

Result<void> check_name(std::string_view name) {
  if (name.size() > kMaxName) return rejected(ENAMETOOLONG, "name of " + std::to_string(name.size()) + " bytes");
  if (name.empty() || name == "." || name == "..") return invalid("'" + std::string(name) + "' is not an entry's name");
  for (char letter : name) {
    if (letter == '/' || letter == '\0') return invalid("a name with '/' or NUL");
  }
  return {};
}

Result<std::optional<Entry>> find_entry(const kv::Reader& reader, InodeId directory, std::string_view name) {
  ASSIGN_OR_RETURN(std::optional<v1::DentryRecord> record, read_record<v1::DentryRecord>(reader, key::dentry(directory, name)));
  if (!record) return std::optional<Entry>{};
  return std::optional<Entry>(Entry{InodeId{record->inode()}, record->type(), record->binding()});
}

Result<Entry> existing_entry(const kv::Reader& reader, InodeId directory, std::string_view name) {
  TRY(check_name(name));
  ASSIGN_OR_RETURN(std::optional<Entry> entry, find_entry(reader, directory, name));
  if (!entry) return rejected(ENOENT, "no such entry");
  return *entry;
}

Result<void> check_may_add(const Caller& caller, const Directory& directory, const std::optional<Entry>& existing) {
  if (existing) return rejected(EEXIST, "exists");
  return check_access(caller, directory.record, kMayWrite | kMayExecute);
}

Result<void> check_may_remove(const Caller& caller, const Directory& directory, const v1::InodeRecord& victim) {
  TRY(check_access(caller, directory.record, kMayWrite | kMayExecute));
  return check_sticky(caller, directory.record, victim);
}

Result<void> check_names_free(const MutationContext& context, InodeId directory) {
  FOREBAY_CHECK(context.names != nullptr, "who changes names minds leases");
  return context.names->change(context.caller.session, directory);
}

Result<void> add_entry(MutationContext& context, Directory& directory, std::string_view name, Entry entry) {
  TRY(check_names_free(context, directory.id));
  v1::DentryRecord record;
  record.set_inode(entry.inode.value);
  record.set_type(entry.type);
  record.set_binding(entry.binding);
  write_record(context.txn, key::dentry(directory.id, name), record);
  directory.record.set_size(directory.record.size() + 1);
  if (entry.type == v1::FILE_TYPE_DIRECTORY) directory.record.set_nlink(directory.record.nlink() + 1);
  mark_changed(context, directory);
  return {};
}

void remove_entry(MutationContext& context, Directory& directory, std::string_view name, v1::FileType type) {
  context.txn.erase(key::dentry(directory.id, name));
  directory.record.set_size(directory.record.size() - 1);
  if (type == v1::FILE_TYPE_DIRECTORY) directory.record.set_nlink(directory.record.nlink() - 1);
  mark_changed(context, directory);
}

Result<NewInode> make_entry(MutationContext& context, Directory& directory, std::string_view name, v1::FileType type,
                            uint32_t mode) {
  ASSIGN_OR_RETURN(NewInode made, new_inode(context, directory.record, type, mode));
  if (type == v1::FILE_TYPE_DIRECTORY) {
    made.record.set_parent(directory.id.value);
    made.record.set_name(std::string(name));
    TRY(directory_named(context, directory.id, name));
  }
  ASSIGN_OR_RETURN(const uint64_t binding, bind_entry(context, directory.id, name, made.id, made.record));
  TRY(add_entry(context, directory, name, {made.id, type, binding}));
  save_inode(context.txn, directory.id, directory.record);
  return made;
}

}  // namespace forebay::master
