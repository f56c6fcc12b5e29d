#include "master/extents/handles.h"

#include <algorithm>

#include "master/extents/objects.h"

namespace forebay::master {

Result<WriteHandle> open_write_handle(MutationContext& context, InodeId inode, v1::InodeRecord& record,
                                      v1::Durability durability) {
  if (!context.caller.session) return invalid("writing needs a session");
  ASSIGN_OR_RETURN(uint64_t id, context.next_id("handle"));
  WriteHandle handle{HandleId{id}, inode, {}};
  handle.record.set_inode(inode.value);
  handle.record.set_session(context.caller.session.value);
  handle.record.set_durability(durability);
  std::string value;
  append_big_endian(value, inode.value);
  context.txn.put(key::session_handle(context.caller.session, handle.id), std::move(value));
  record.set_writers(record.writers() + 1);
  return handle;
}

void save_handle(kv::Txn& txn, const WriteHandle& handle) {
  write_record(txn, key::handle(handle.inode, handle.id), handle.record);
}

Result<WriteHandle> find_write_handle(const kv::Reader& reader, const Caller& caller, HandleId handle) {
  std::string by_session = key::session_handle(caller.session, handle);
  ASSIGN_OR_RETURN(std::optional<std::string> inode, reader.get(by_session));
  if (!inode) return stale("handle " + to_string(handle) + " is closed");
  if (inode->size() != sizeof(uint64_t)) return std::unexpected(corrupt_record(by_session));
  WriteHandle found{handle, InodeId{read_big_endian(*inode)}, {}};
  std::string own = key::handle(found.inode, handle);
  ASSIGN_OR_RETURN(std::optional<v1::HandleRecord> record, read_record<v1::HandleRecord>(reader, own));
  if (!record) return std::unexpected(corrupt_record(own));
  found.record = std::move(*record);
  return found;
}

namespace {

// The object that the caller's session has ready under another handle goes over to this one. Nothing, if that is not so any more.
Result<std::optional<v1::Grant>> take_ready(MutationContext& context, WriteHandle& handle, const v1::Placement& wanted) {
  const ObjectId object{wanted.ready_object()};
  Result<WriteHandle> from = find_write_handle(context.txn, context.caller, HandleId{wanted.ready_under()});
  if (!from && from.error().is(Code::kStale)) return std::nullopt;
  if (!from) return std::unexpected(std::move(from).error());
  auto& granted = *from->record.mutable_granted();
  const auto place = std::ranges::find(granted, object.value);
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(context.txn, object));
  if (place == granted.end() || !record || !is_staged(*record) || record->sealed() || record->length() != 0) return std::nullopt;
  for (uint64_t worker : record->workers())
    if (!context.placer.is_live(WorkerId{worker})) return std::nullopt;
  granted.erase(place);
  save_handle(context.txn, *from);
  record->set_inode(handle.inode.value);
  record->set_handle(handle.id.value);
  save_object(context.txn, object, *record);
  v1::Grant grant;
  grant.set_object(object.value);
  *grant.mutable_workers() = record->workers();
  grant.set_bytes(record->granted_bytes());
  grant.set_staged(true);
  return grant;
}

}  // namespace

Result<v1::Grant> grant_to(MutationContext& context, WriteHandle& handle, const v1::Placement& wanted) {
  if (handle.record.granted_size() >= kMaxGranted) {
    return rejected(ENOBUFS, "handle " + to_string(handle.id) + " has " + std::to_string(kMaxGranted) + " objects unsealed");
  }
  if (wanted.staged() && wanted.ready_object() != 0 && context.placer.intake(context.caller.session) == 0) {
    ASSIGN_OR_RETURN(std::optional<v1::Grant> ready, take_ready(context, handle, wanted));
    if (ready) {
      handle.record.add_granted(ready->object());
      return *std::move(ready);
    }
  }
  ASSIGN_OR_RETURN(v1::Grant grant, grant_object(context, handle.inode, handle.id, wanted));
  handle.record.add_granted(grant.object());
  return grant;
}

Result<void> end_write_handle(MutationContext& context, const WriteHandle& handle, v1::InodeRecord& record, ContentEdit& edit) {
  for (uint64_t granted : handle.record.granted()) {
    ObjectId object{granted};
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> left, load_object(context.txn, object));
    if (!left) continue;
    left->set_handle(0);
    save_object(context.txn, object, *left);
    if (left->length() != 0) order_seal(context.txn, object, *left);
    edit.examine(object);
  }
  context.txn.erase(key::handle(handle.inode, handle.id));
  context.txn.erase(key::session_handle(SessionId{handle.record.session()}, handle.id));
  record.set_writers(record.writers() - 1);
  return {};
}

Result<void> close_handle(MutationContext& context, InodeId inode, HandleId id) {
  ASSIGN_OR_RETURN(std::optional<v1::HandleRecord> found, read_record<v1::HandleRecord>(context.txn, key::handle(inode, id)));
  if (!found) return {};
  WriteHandle handle{id, inode, std::move(*found)};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  ContentEdit edit(context, inode, record);
  TRY(end_write_handle(context, handle, record, edit));
  TRY(edit.finish());
  save_inode(context.txn, inode, record);
  return {};
}

Result<void> cut_staged_objects(kv::Txn& txn, InodeId inode, uint64_t size) {
  ASSIGN_OR_RETURN(const ObjectIds granted, granted_objects(txn, inode));
  for (ObjectId object : granted) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
    if (!record || !is_staged(*record) || record->length() <= size) continue;
    record->set_length(size);
    save_object(txn, object, *record);
  }
  return {};
}

Result<bool> is_being_staged(const kv::Reader& reader, InodeId inode) {
  ASSIGN_OR_RETURN(const ObjectIds granted, granted_objects(reader, inode));
  for (ObjectId object : granted) {
    ASSIGN_OR_RETURN(const std::optional<v1::ObjectRecord> record, load_object(reader, object));
    if (record && is_staged(*record) && record->length() != 0) return true;
  }
  return false;
}

Result<ObjectIds> granted_objects(const kv::Reader& reader, InodeId inode) {
  ObjectIds objects;
  std::optional<Status> failure;
  std::string prefix = key::numbers('H', inode.value);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    v1::HandleRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    for (uint64_t object : record.granted()) objects.push_back(ObjectId{object});
    return true;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  std::ranges::sort(objects);
  return objects;
}

}  // namespace forebay::master
