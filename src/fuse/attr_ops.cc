#include <algorithm>

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

// What this mount has just changed in a directory it was told with the answer, and the kernel asks for it at once.
Task<void> getattr(Request request, client::Identity who, InodeId inode) {
  if (const auto known = request.client().changed_directory(inode, request.volume().config().attr_timeout)) {
    request.attr(*known);
    co_return;
  }
  auto attr = co_await request.client().get_attr(std::move(who), inode);
  if (attr) {
    request.attr(*attr);
    co_return;
  }
  const Status failure = gone_is_stale(std::move(attr).error());
  if (auto removed = request.volume().inodes().removed(inode); removed && failure.is_errno(ESTALE))
    request.attr(*removed);
  else
    request.fail(failure);
}

bool in_group(const client::Identity& who, uint32_t gid) {
  return who.gid == gid || std::ranges::find(who.groups, gid) != who.groups.end();
}

bool may_write(const client::Identity& who, const v1::Attr& attr) {
  if (who.uid == 0) return true;
  if (who.uid == attr.uid()) return (attr.mode() & S_IWUSR) != 0;
  return (attr.mode() & (in_group(who, attr.gid()) ? S_IWGRP : S_IWOTH)) != 0;
}

// A setgid bit without group execution once meant mandatory locking: Linux leaves it to those who may set it.
uint32_t without_privilege(const client::Identity& who, const v1::Attr& attr) {
  const uint32_t mode = attr.mode() & ~uint32_t{S_ISUID};
  const bool may_keep = (mode & S_IXGRP) == 0 && (who.uid == 0 || in_group(who, attr.gid()));
  return may_keep ? mode : mode & ~uint32_t{S_ISGID};
}

// How the kernel says that set-user-id and set-group-id have to go: because somebody unprivileged writes, which it has checked,
// or because of chown(2) with nothing to change, for which one has to be the owner. Which of them it is, it does not say.
Task<Result<v1::Attr>> drop_for(Volume* volume, client::Identity who, InodeId inode) {
  auto attr = co_await volume->client().get_attr(client::Identity{}, inode);
  if (!attr || attr->type() == v1::FILE_TYPE_DIRECTORY || without_privilege(who, *attr) == attr->mode()) co_return attr;
  if (who.uid != attr->uid() && !may_write(who, *attr) && !volume->inodes().is_open_for_write(inode))
    co_return rejected(EPERM, "neither the owner nor a writer");
  v1::SetAttrRequest change;
  change.set_inode(inode.value);
  change.set_mode(without_privilege(who, *attr));
  auto dropped = co_await volume->client().set_attr(client::Identity{}, std::move(change), nullptr);
  co_return dropped;
}

bool changes_nothing(const v1::SetAttrRequest& change) {
  return !change.has_mode() && !change.has_uid() && !change.has_gid() && !change.has_size() && !change.has_atime_ns() &&
         !change.has_mtime_ns() && !change.atime_now() && !change.mtime_now();
}

Task<Result<v1::Attr>> apply(Volume* volume, client::Identity who, v1::SetAttrRequest change, client::File* file) {
  if (changes_nothing(change)) co_return co_await drop_for(volume, std::move(who), InodeId{change.inode()});
  auto changed = co_await change_attr(volume, std::move(who), std::move(change), file);
  co_return changed;
}

Task<void> setattr(Request request, client::Identity who, v1::SetAttrRequest change, OpenFile* open) {
  const InodeId inode{change.inode()};
  const bool resizes = change.has_size();
  client::File* file = open == nullptr ? nullptr : open->file.get();
  auto attr = co_await apply(&request.volume(), std::move(who), std::move(change), file);
  InodeTable& inodes = request.volume().inodes();
  inodes.changed();
  if (resizes) inodes.content_changed(inode);
  if (!attr) {
    request.fail(gone_is_stale(std::move(attr).error()));
    co_return;
  }
  request.attr(request.volume().with_local_changes(std::move(*attr)));
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

Task<Result<v1::Attr>> change_attr(Volume* volume, client::Identity who, v1::SetAttrRequest change, client::File* file) {
  const InodeId inode{change.inode()};
  std::unique_ptr<client::File> writer;
  if (change.has_size() && file == nullptr) {
    if (const ObjectId backing = volume->io_modes().backing_of(inode)) {
      client::OpenFlags flags{.read = false, .write = true, .fork_from = backing};
      CO_ASSIGN_OR_RETURN(writer, co_await volume->client().open(who, inode, flags));
      const std::optional<client::Backing> now = co_await writer->backing();
      if (now) volume->io_modes().moved(inode, *now);
    }
  }
  auto changed = co_await volume->client().set_attr(std::move(who), std::move(change), writer ? writer.get() : file);
  if (writer) {
    const Result<void> closed = co_await writer->close();
    if (changed && !closed) co_return std::unexpected(closed.error());
  }
  co_return changed;
}

Task<Result<v1::Attr>> drop_privilege(client::Client* client, client::Identity who, InodeId inode) {
  auto attr = co_await client->get_attr(client::Identity{}, inode);
  if (!attr || attr->type() == v1::FILE_TYPE_DIRECTORY) co_return attr;
  if (attr->capability()) {
    auto removed = co_await client->remove_xattr(client::Identity{}, inode, "security.capability");
    if (removed)
      attr = std::move(removed);
    else if (!removed.error().is_errno(ENODATA))
      co_return removed;
  }
  const uint32_t mode = who.uid == 0 ? attr->mode() : without_privilege(who, *attr);
  if (mode == attr->mode()) co_return attr;
  v1::SetAttrRequest change;
  change.set_inode(inode.value);
  change.set_mode(mode);
  auto dropped = co_await client->set_attr(client::Identity{}, std::move(change), nullptr);
  co_return dropped;
}

void op_getattr(fuse_req_t raw, fuse_ino_t inode, fuse_file_info*) {
  Volume& volume = volume_of(raw);
  volume.serve(getattr(Request(volume, raw, "getattr"), identity_of(raw), InodeId{inode}));
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
