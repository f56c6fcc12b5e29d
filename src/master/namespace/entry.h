// Directory entries: names, and the directory that has them.
#pragma once

#include <optional>

#include "master/namespace/inode.h"
#include "master/namespace/permission.h"

namespace forebay::master {

// A directory that the caller may search. Loaded once by an operation, changed there, saved once.
struct Directory {
  InodeId id;
  v1::InodeRecord record;
};
struct Entry {
  InodeId inode;
  v1::FileType type = v1::FILE_TYPE_UNSPECIFIED;
  uint64_t binding = 0;  // to the under store
};

// ESTALE: gone; ENOTDIR; EACCES: not searchable by the caller; ENOENT: removed, and open somewhere: it has no entries any more.
Result<Directory> load_directory(const kv::Reader& reader, const Caller& caller, InodeId directory);

Result<void> check_name(std::string_view name);  // ENAMETOOLONG; malformed ones are `invalid`
Result<std::optional<Entry>> find_entry(const kv::Reader& reader, InodeId directory, std::string_view name);
Result<Entry> existing_entry(const kv::Reader& reader, InodeId directory, std::string_view name);  // ENOENT

// May the caller make this entry? EEXIST before EACCES, as in Linux.
Result<void> check_may_add(const Caller& caller, const Directory& directory, const std::optional<Entry>& existing);
// May the caller remove the entry of `victim`? EACCES, EPERM (sticky).
Result<void> check_may_remove(const Caller& caller, const Directory& directory, const v1::InodeRecord& victim);

// Before anything is changed that a lease on the directory's names is about: a name is added, the directory is taken away, others
// may search it. `busy`: see NameLeases.
Result<void> check_names_free(const MutationContext& context, InodeId directory);

// Change the entry and the directory's record: its entry and link counts, mtime and ctime. The record is not saved.
Result<void> add_entry(MutationContext& context, Directory& directory, std::string_view name, Entry entry);
void remove_entry(MutationContext& context, Directory& directory, std::string_view name, v1::FileType type);

// The same, of a call that has changed the directory's entries.
inline v1::AttrReply attr_reply(InodeId inode, const v1::InodeRecord& record, const Directory& parent) {
  v1::AttrReply reply = attr_reply(inode, record);
  *reply.mutable_parent() = attr_of(parent.id, parent.record);
  return reply;
}

// Makes an inode and enters it; saves the directory. The caller has checked, and completes and saves the new record.
Result<NewInode> make_entry(MutationContext& context, Directory& directory, std::string_view name, v1::FileType type,
                            uint32_t mode);

}  // namespace forebay::master
