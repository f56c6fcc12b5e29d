#include "master/ttl/ttl.h"

#include "master/namespace/entry.h"
#include "master/ops/ops.h"
#include "master/persist/blocks.h"
#include "master/persist/pinned.h"

namespace forebay::master {
namespace {

constexpr Duration kAgain = std::chrono::minutes(1);

Result<void> remove_expired(MutationContext& context, InodeId inode, const v1::TtlRecord& ttl) {
  ASSIGN_OR_RETURN(const std::optional<Entry> entry, find_entry(context.txn, InodeId{ttl.parent()}, ttl.name()));
  if (!entry || entry->inode != inode) return {};
  if (entry->type == v1::FILE_TYPE_DIRECTORY) {
    v1::RemoveTreeRequest request;
    request.set_parent(ttl.parent());
    request.set_name(ttl.name());
    TRY(ops::remove_tree(context, request));
    return {};
  }
  v1::UnlinkRequest request;
  request.set_parent(ttl.parent());
  request.set_name(ttl.name());
  TRY(ops::unlink(context, request));
  return {};
}

Result<void> free_expired(MutationContext& context, InodeId inode, const v1::TtlRecord& ttl, int64_t now) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  if (record.stored_bytes() == 0 && !record.dirty()) return {};
  ASSIGN_OR_RETURN(const bool pinned, is_pinned_file(context.txn, inode, record));
  Evicted evicted;
  if (!pinned) {
    ASSIGN_OR_RETURN(evicted, evict(context, inode));
  }
  if (evicted.at_rest && !evicted.more) return {};
  ASSIGN_OR_RETURN(record, load_inode(context.txn, inode));
  begin_ttl(context.txn, inode, record, evicted.at_rest ? now : now + kAgain.count(), ttl);
  save_inode(context.txn, inode, record);
  return {};
}

}  // namespace

void begin_ttl(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, int64_t due_ns, const v1::TtlRecord& ttl) {
  record.set_ttl_due_ns(due_ns);
  write_record(txn, key::ttl(due_ns, inode), ttl);
}

void end_ttl(kv::Txn& txn, InodeId inode, v1::InodeRecord& record) {
  if (record.ttl_due_ns() == 0) return;
  txn.erase(key::ttl(record.ttl_due_ns(), inode));
  record.clear_ttl_due_ns();
}

Result<void> ttl_moved(kv::Txn& txn, InodeId inode, const v1::InodeRecord& record, InodeId from, std::string_view old_name,
                       InodeId to, std::string_view new_name) {
  if (record.ttl_due_ns() == 0) return {};
  const std::string name = key::ttl(record.ttl_due_ns(), inode);
  ASSIGN_OR_RETURN(auto ttl, read_record<v1::TtlRecord>(txn, name));
  if (!ttl || ttl->parent() != from.value || ttl->name() != old_name) return {};
  ttl->set_parent(to.value);
  ttl->set_name(std::string(new_name));
  write_record(txn, name, *ttl);
  return {};
}

Result<std::vector<DueTtl>> due_ttls(const kv::Reader& reader, int64_t now_ns, size_t most) {
  std::vector<DueTtl> due;
  TRY(reader.scan("t", key::ttl(now_ns + 1, InodeId{}), [&](std::string_view key, std::string_view) {
    due.push_back({static_cast<int64_t>(read_big_endian(key.substr(1, 8))), InodeId{read_big_endian(key.substr(9, 8))}});
    return due.size() < most;
  }));
  return due;
}

Result<void> expire(MutationContext& given, const DueTtl& due) {
  const Caller superuser;
  MutationContext context{given.txn, superuser, given.now, given.placer, given.open_reads, given.persistence, given.names};
  const std::string name = key::ttl(due.due_ns, due.inode);
  ASSIGN_OR_RETURN(const auto ttl, read_record<v1::TtlRecord>(context.txn, name));
  if (!ttl) return {};
  context.txn.erase(name);
  ASSIGN_OR_RETURN(auto record, read_record<v1::InodeRecord>(context.txn, key::inode(due.inode)));
  if (!record || record->ttl_due_ns() != due.due_ns) return {};
  record->clear_ttl_due_ns();
  save_inode(context.txn, due.inode, *record);
  if (ttl->action() == v1::TTL_ACTION_FREE) return free_expired(context, due.inode, *ttl, os::unix_nanos(context.now));
  return remove_expired(context, due.inode, *ttl);
}

}  // namespace forebay::master
