#include "master/reclaim/orphans.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/objects.h"
#include "master/namespace/inode.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

Result<bool> handle_has(const kv::Reader& reader, const v1::ObjectRecord& record, ObjectId object) {
  ASSIGN_OR_RETURN(const std::optional<v1::HandleRecord> handle,
                   read_record<v1::HandleRecord>(reader, key::handle(InodeId{record.inode()}, HandleId{record.handle()})));
  return handle && std::ranges::find(handle->granted(), object.value) != handle->granted().end();
}

Result<bool> is_orphan(const kv::Reader& reader, ObjectId object, const v1::ObjectRecord& record) {
  if (record.handle() != 0) {
    ASSIGN_OR_RETURN(const bool held, handle_has(reader, record, object));
    return !held;
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> inode, reader.get(key::inode(InodeId{record.inode()})));
  return !inode;
}

}  // namespace

Result<OrphanSlice> find_orphans(const kv::Reader& reader, ObjectId from, size_t most) {
  OrphanSlice slice;
  std::vector<std::pair<ObjectId, v1::ObjectRecord>> records;
  std::optional<Status> failure;
  TRY(reader.scan(key::object(from), kv::prefix_end("O"), [&](std::string_view key, std::string_view value) {
    if (key.size() != 9) {
      failure = corrupt_record(key);
      return false;
    }
    const ObjectId object{read_big_endian(key.substr(1))};
    if (records.size() == most) {
      slice.next = object;
      return false;
    }
    if (!records.emplace_back(object, v1::ObjectRecord()).second.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    return true;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  for (const auto& [object, record] : records) {
    ASSIGN_OR_RETURN(const bool orphan, is_orphan(reader, object, record));
    if (orphan) slice.orphans.push_back(object);
  }
  return slice;
}

Result<bool> settle_orphan(MutationContext& context, ObjectId object) {
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(context.txn, object));
  if (!record) return false;
  ASSIGN_OR_RETURN(const bool orphan, is_orphan(context.txn, object, *record));
  if (!orphan) return false;
  const InodeId inode{record->inode()};
  ASSIGN_OR_RETURN(std::optional<v1::InodeRecord> owner, read_record<v1::InodeRecord>(context.txn, key::inode(inode)));
  record->set_handle(0);
  if (!owner) {
    TRY(remove_object(context.txn, object, *record));
    return true;
  }
  save_object(context.txn, object, *record);
  if (record->length() != 0) order_seal(context.txn, object, *record);
  ContentEdit edit(context, inode, *owner);
  edit.examine(object);
  TRY(edit.finish());
  save_inode(context.txn, inode, *owner);
  return true;
}

}  // namespace forebay::master
