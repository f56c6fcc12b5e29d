#include "master/extents/inline.h"
#include "master/extents/opening.h"
#include "master/namespace/entry.h"
#include "master/ops/item.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostFiles = 256;            // in one call
constexpr size_t kMostContent = 1 * kMiB;  // of all of them

Result<void> check_limits(const v1::PutManyRequest& request) {
  if (request.files_size() > kMostFiles) return invalid("more than " + std::to_string(kMostFiles) + " files in one call");
  size_t content = 0;
  for (const v1::PutItem& file : request.files()) content += file.content().size();
  if (content > kMostContent) return invalid("more than " + std::to_string(kMostContent) + " bytes of content in one call");
  return {};
}

// The file shows the item's content and nothing else; without a writer that is a version.
Result<v1::Attr> fill(MutationContext& context, const v1::PutItem& file, InodeId inode, v1::InodeRecord& record) {
  ContentEdit edit(context, inode, record);
  TRY(edit.resize(0));
  if (!file.content().empty()) {
    ASSIGN_OR_RETURN(const ObjectId kept, keep_inline(context, inode, file.content(), file.crc32c()));
    ExtentList list;
    ObjectIds covered;
    list.lay({0, file.content().size(), kept, 0}, covered);
    TRY(edit.lay(list));
  }
  TRY(edit.finish());
  save_inode(context.txn, inode, record);
  return attr_of(inode, record);
}

Result<v1::Attr> replace(MutationContext& context, const v1::PutItem& file, InodeId inode) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  TRY(check_may_open(context.caller, record, {.access = v1::ACCESS_WRITE, .truncate = true}));
  const int64_t now = os::unix_nanos(context.now);
  record.set_mtime_ns(now);
  record.set_ctime_ns(now);
  record.set_mode(mode_after_write(context.caller, record));
  return fill(context, file, inode, record);
}

Result<v1::Attr> put(MutationContext& context, const v1::PutItem& file) {
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{file.parent()}));
  TRY(check_name(file.name()));
  ASSIGN_OR_RETURN(const std::optional<Entry> existing, find_entry(context.txn, parent.id, file.name()));
  if (existing && !file.exclusive()) return replace(context, file, existing->inode);
  TRY(check_may_add(context.caller, parent, existing));
  ASSIGN_OR_RETURN(NewInode made, make_entry(context, parent, file.name(), v1::FILE_TYPE_REGULAR, file.mode() & 07777));
  made.record.set_dirty(true);  // its first version is sealed here, empty or not
  return fill(context, file, made.id, made.record);
}

}  // namespace

Result<v1::PutManyReply> put_many(MutationContext& context, const v1::PutManyRequest& request) {
  TRY(check_limits(request));
  v1::PutManyReply reply;
  for (const v1::PutItem& file : request.files()) {
    Result<v1::Attr> attr = apply_item(context, [&](MutationContext& inner) { return put(inner, file); });
    if (attr)
      *reply.add_files()->mutable_attr() = *std::move(attr);
    else if (is_items_own(attr.error()))
      *reply.add_files()->mutable_error() = rpc::to_detail(attr.error());
    else
      return std::unexpected(std::move(attr).error());
  }
  return reply;
}

}  // namespace forebay::master::ops
