#include "fuse/convert.h"
#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

// An inode that the kernel knows and the master does not was removed elsewhere. ESTALE has the kernel look the name up again;
// with ENOENT an open of a file that was just replaced by a rename would fail although the name never went away.
Status gone_is_stale(Status status) {
  if (!status.is(Code::kRejected) || !status.is_errno(ENOENT)) return status;
  return Status(Code::kRejected, ESTALE, status.message());
}

Task<void> getattr(Request request, client::Identity who, InodeId inode, OpenFile* open) {
  auto attr = co_await request.client().get_attr(std::move(who), inode);
  if (!attr && open != nullptr && attr.error().is_errno(ENOENT)) attr = co_await open->file->attr();
  if (!attr)
    request.fail(gone_is_stale(std::move(attr).error()));
  else
    request.attr(*attr);
}

Task<void> setattr(Request request, client::Identity who, v1::SetAttrRequest change, OpenFile* open) {
  const InodeId inode{change.inode()};
  const bool resizes = change.has_size();
  auto attr = co_await request.client().set_attr(who, std::move(change), open == nullptr ? nullptr : open->file.get());
  InodeTable& inodes = request.volume().inodes();
  inodes.changed();
  if (resizes) inodes.content_changed(inode);
  if (!attr) {
    request.fail(gone_is_stale(std::move(attr).error()));
    co_return;
  }
  v1::Attr now = co_await request.volume().with_local_changes(std::move(who), std::move(*attr));
  request.attr(now);
}

Task<void> readlink(Request request, client::Identity who, InodeId inode) {
  auto attr = co_await request.client().get_attr(std::move(who), inode);
  if (!attr)
    request.fail(gone_is_stale(std::move(attr).error()));
  else if (attr->type() != v1::FILE_TYPE_SYMLINK)
    request.fail(EINVAL);
  else
    request.target(attr->target());
}

Task<void> statfs(Request request) {
  auto space = co_await request.client().stat_fs();
  if (!space)
    request.fail(space.error());
  else
    request.space(*space);
}

OpenFile* open_file(const fuse_file_info* info) { return info == nullptr ? nullptr : reinterpret_cast<OpenFile*>(info->fh); }

}  // namespace

void op_getattr(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  volume.serve(getattr(Request(volume, raw, "getattr"), identity_of(raw), InodeId{inode}, open_file(info)));
}

void op_setattr(fuse_req_t raw, fuse_ino_t inode, struct stat* wanted, int to_set, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  volume.serve(setattr(Request(volume, raw, "setattr"), identity_of(raw), to_set_attr(inode, *wanted, to_set), open_file(info)));
}

void op_readlink(fuse_req_t raw, fuse_ino_t inode) {
  Volume& volume = volume_of(raw);
  volume.serve(readlink(Request(volume, raw, "readlink"), identity_of(raw), InodeId{inode}));
}

void op_statfs(fuse_req_t raw, fuse_ino_t) {
  Volume& volume = volume_of(raw);
  volume.serve(statfs(Request(volume, raw, "statfs")));
}

}  // namespace forebay::fuse
