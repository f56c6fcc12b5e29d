#include <algorithm>

#include "master/extents/inline.h"
#include "master/extents/object_edit.h"
#include "master/namespace/permission.h"
#include "master/namespace/xattr.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMaxItems = 4096;  // of each kind in one commit

Result<void> check_limits(const v1::CommitRequest& request) {
  int most = std::max({request.extents_size(), request.sealed_size(), request.unused_size()});
  if (most > kMaxItems) return invalid("more than " + std::to_string(kMaxItems) + " extents or objects in a commit");
  return {};
}

// Which object an extent is of, and that it may be.
Result<ObjectId> object_of(const v1::NewExtent& added, size_t inline_length, ObjectId kept_inline, ObjectEdit& objects) {
  const v1::Extent& extent = added.extent();
  if (!added.inlined()) {
    TRY(objects.acknowledge(ObjectId{extent.object()}, extent.object_offset(), extent.length()));
    return ObjectId{extent.object()};
  }
  const bool fits =
      extent.length() != 0 && extent.length() <= inline_length && extent.object_offset() <= inline_length - extent.length();
  if (!fits) return invalid("an extent of " + std::to_string(extent.length()) + " bytes beyond the inline content");
  return kept_inline;
}

Result<void> lay(const v1::CommitRequest& request, const v1::InodeRecord& record, ObjectEdit& objects, ContentEdit& content,
                 v1::CommitReply& reply) {
  ExtentList top;
  ObjectIds covered;  // by later extents of the same request
  for (const v1::NewExtent& added : request.extents()) {
    const v1::Extent& extent = added.extent();
    uint64_t offset = added.at_end() ? std::max(record.size(), top.end()) : extent.file_offset();
    ASSIGN_OR_RETURN(const ObjectId object,
                     object_of(added, request.inline_content().size(), ObjectId{reply.inline_object()}, objects));
    if (offset > kMaxFileSize - extent.length()) return rejected(EFBIG, "beyond 2^63 - 1");
    top.lay({offset, extent.length(), object, extent.object_offset()}, covered);
    reply.add_offsets(offset);
  }
  for (ObjectId object : covered) content.examine(object);
  if (request.same_bytes_at_layout() == 0) return content.lay(top);
  if (top.end() > record.size()) return invalid("compaction beyond the end of the file");
  return content.swap(top);
}

void set_times(const v1::CommitRequest& request, int64_t now, v1::InodeRecord& record) {
  bool writes = !request.extents().empty() && request.same_bytes_at_layout() == 0;
  if (!writes && !request.has_mtime_ns()) return;
  record.set_mtime_ns(request.has_mtime_ns() ? request.mtime_ns() : now);
  record.set_ctime_ns(now);
}

}  // namespace

// An object is sealed in the commit that first refers to it, or in a later one: sealed and in no file, it is freed.
Result<v1::CommitReply> commit(MutationContext& context, const v1::CommitRequest& request) {
  TRY(check_limits(request));
  ASSIGN_OR_RETURN(WriteHandle handle, find_write_handle(context.txn, context.caller, HandleId{request.handle()}));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, handle.inode));
  bool compacts = request.same_bytes_at_layout() != 0;
  if (compacts && request.same_bytes_at_layout() != record.layout()) return stale("the content has changed");
  if (compacts) {
    ASSIGN_OR_RETURN(const bool changes, is_being_staged(context.txn, handle.inode));
    if (changes) return stale("the content changes while it is written");
  }
  if (request.has_only_at_layout() && request.only_at_layout() != record.layout()) return stale("the content has changed");
  ContentEdit content(context, handle.inode, record);
  ObjectEdit objects(context, handle, content);
  v1::CommitReply reply;
  if (!request.inline_content().empty()) {
    ASSIGN_OR_RETURN(const ObjectId kept, keep_inline(context, handle.inode, request.inline_content(), request.inline_crc32c()));
    content.examine(kept);
    reply.set_inline_object(kept.value);
  }
  if (!request.extents().empty()) {
    TRY(lay(request, record, objects, content, reply));
    if (!compacts) {
      record.set_mode(mode_after_write(context.caller, record));
      TRY(drop_capability(context.txn, handle.inode, record));
    }
  }
  for (const v1::SealedObject& sealed : request.sealed()) TRY(objects.seal(sealed));
  for (uint64_t unused : request.unused()) TRY(objects.give_back(ObjectId{unused}));
  set_times(request, os::unix_nanos(context.now), record);
  objects.save();
  if (request.close()) {
    TRY(end_write_handle(context, handle, record, content));
  } else if (objects.handle_changed()) {
    save_handle(context.txn, handle);
  }
  TRY(content.finish());
  save_inode(context.txn, handle.inode, record);
  *reply.mutable_attr() = attr_of(handle.inode, record);
  return reply;
}

}  // namespace forebay::master::ops
