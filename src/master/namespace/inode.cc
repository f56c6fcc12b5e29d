#include "master/namespace/inode.h"

namespace forebay::master {
namespace {

Result<void> add_to_count(MutationContext& context, int64_t change) {
  ASSIGN_OR_RETURN(uint64_t count, inode_count(context.txn));
  std::string value;
  append_big_endian(value, count + static_cast<uint64_t>(change));
  context.txn.put(key::inode_count(), std::move(value));
  return {};
}

void set_all_times(v1::InodeRecord& record, int64_t now) {
  record.set_atime_ns(now);
  record.set_mtime_ns(now);
  record.set_ctime_ns(now);
  record.set_birth_ns(now);
}

// The group, and the mode's setgid bit, of what is made in a directory with the setgid bit: Linux's rules.
void inherit_group(const Caller& caller, const v1::InodeRecord& parent, v1::InodeRecord& record) {
  if (!(parent.mode() & kSetGid)) {
    record.set_gid(caller.gid);
    return;
  }
  record.set_gid(parent.gid());
  constexpr uint32_t kRunsAsGroup = kSetGid | kGroupExecute;
  if (record.type() == v1::FILE_TYPE_DIRECTORY) {
    record.set_mode(record.mode() | kSetGid);
  } else if ((record.mode() & kRunsAsGroup) == kRunsAsGroup && !caller.is_superuser() && !caller.in_group(parent.gid())) {
    record.set_mode(record.mode() & ~kSetGid);
  }
}

}  // namespace

Result<v1::InodeRecord> load_inode(const kv::Reader& reader, InodeId inode) {
  ASSIGN_OR_RETURN(std::optional<v1::InodeRecord> record, read_record<v1::InodeRecord>(reader, key::inode(inode)));
  if (!record) return rejected(ESTALE, "inode " + to_string(inode) + " is gone");
  return std::move(*record);
}

void save_inode(kv::Txn& txn, InodeId inode, const v1::InodeRecord& record) { write_record(txn, key::inode(inode), record); }

Result<void> erase_inode(MutationContext& context, InodeId inode) {
  context.txn.erase(key::inode(inode));
  return add_to_count(context, -1);
}

v1::Attr attr_of(InodeId inode, const v1::InodeRecord& record) {
  v1::Attr attr;
  attr.set_inode(inode.value);
  attr.set_type(record.type());
  attr.set_mode(record.mode());
  attr.set_uid(record.uid());
  attr.set_gid(record.gid());
  attr.set_nlink(record.nlink());
  attr.set_size(record.size());
  attr.set_atime_ns(record.atime_ns());
  attr.set_mtime_ns(record.mtime_ns());
  attr.set_ctime_ns(record.ctime_ns());
  attr.set_birth_ns(record.birth_ns());
  attr.set_rdev(record.rdev());
  attr.set_version(record.version());
  attr.set_layout(record.layout());
  attr.set_stored_bytes(record.stored_bytes());
  if (!record.target().empty()) attr.set_target(record.target());
  attr.set_open_for_write(record.writers() != 0);
  attr.set_pinned(record.pinned());
  attr.set_absent(record.absent());
  attr.set_capability(record.capability());
  attr.set_ttl_due_ns(record.ttl_due_ns());
  return attr;
}

Result<NewInode> new_inode(MutationContext& context, const v1::InodeRecord& parent, v1::FileType type, uint32_t mode) {
  ASSIGN_OR_RETURN(uint64_t id, context.next_id("inode"));
  TRY(add_to_count(context, 1));
  NewInode made{InodeId{id}, {}};
  made.record.set_type(type);
  made.record.set_mode(mode);
  made.record.set_uid(context.caller.uid);
  made.record.set_nlink(type == v1::FILE_TYPE_DIRECTORY ? 2 : 1);
  set_all_times(made.record, os::unix_nanos(context.now));
  inherit_group(context.caller, parent, made.record);
  return made;
}

Result<uint64_t> inode_count(const kv::Reader& reader) {
  ASSIGN_OR_RETURN(std::optional<std::string> value, reader.get(key::inode_count()));
  if (!value) return 0;
  if (value->size() != sizeof(uint64_t)) return std::unexpected(corrupt_record(key::inode_count()));
  return read_big_endian(*value);
}

void format_namespace(kv::Txn& txn, os::WallTime now) {
  v1::InodeRecord root;
  root.set_type(v1::FILE_TYPE_DIRECTORY);
  root.set_mode(0755);
  root.set_nlink(2);
  root.set_parent(kRootInode.value);
  set_all_times(root, os::unix_nanos(now));
  save_inode(txn, kRootInode, root);
  std::string count;
  append_big_endian(count, 1);
  txn.put(key::inode_count(), std::move(count));
  std::string next;
  append_big_endian(next, kRootInode.value + 1);
  txn.put(key::counter("inode"), std::move(next));
}

}  // namespace forebay::master
