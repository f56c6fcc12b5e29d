#include <fcntl.h>

#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

// Set by the kernel in the flags of an open that execve(2) makes. The file need not be readable then, only executable, which the
// kernel has checked.
constexpr int kExecFlag = 040;

OpenFile* open_file(const fuse_file_info* info) { return reinterpret_cast<OpenFile*>(info->fh); }

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

OpenFacts facts_of(Volume& volume, int flags) {
  return {.flags = flags, .page_cache = volume.config().page_cache, .passthrough = volume.io_modes().passes_through()};
}

client::OpenFlags to_open_flags(Volume& volume, int flags) {
  return {.read = (flags & O_ACCMODE) != O_WRONLY,
          .write = writes(flags),
          .append = writes(flags) && (flags & O_APPEND),
          .truncate = (flags & O_TRUNC) != 0,
          .stage = wants_staging(facts_of(volume, flags))};
}

// From here on the inode is open in this mode, until the file is released.
Task<OpenFile*> adopt(Volume* volume, std::unique_ptr<client::File> file, int flags, InodeId made_in = {}) {
  const InodeId inode = file->inode();
  const uint64_t size = file->opened_attr().size();
  std::optional<client::Backing> backing;
  if (volume->io_modes().passes_through()) backing = co_await file->backing();
  const IoModes::Choice choice = volume->io_modes().enter(inode, facts_of(*volume, flags), backing);
  co_return volume->adopt(std::unique_ptr<OpenFile>(new OpenFile{.inode = inode,
                                                                 .mode = choice.mode,
                                                                 .backing_id = choice.backing_id,
                                                                 .writable = writes(flags),
                                                                 .append = writes(flags) && (flags & O_APPEND),
                                                                 .file = std::move(file),
                                                                 .backing = backing ? std::move(backing->file) : nullptr,
                                                                 .opened_size = size,
                                                                 .made_in = made_in}));
}

uint64_t size_of(const OpenFile& file) {
  if (file.mode != DataMode::kPassthrough) return file.written;
  return file.backing->size().value_or(0);
}

// Closes a file and destroys its handle. What close(2) had to say was said by FLUSH: an error here concerns what was written
// after it, through a mapping, and nobody waits for the answer.
Task<void> close_file(Volume* volume, OpenFile* open) {
  std::unique_ptr<OpenFile> file = volume->release(open);
  if (file->made_in) {
    volume->stage_policy().made(file->made_in, size_of(*file));
    volume->last_write_policy().made(file->made_in, file->writes);
  }
  file->backing.reset();
  auto closed = co_await file->file->release();
  if (!closed)
    volume->log().error("closing a file failed", {{"inode", file->inode.value}, {"error", closed.error().to_string()}});
  if (file->writable) volume->inodes().closed_for_write(file->inode);
}

fuse_file_info to_reply(OpenFile* open, bool keep_cache) {
  fuse_file_info info{};
  info.fh = reinterpret_cast<uint64_t>(open);
  info.direct_io = open->mode == DataMode::kDirect || open->mode == DataMode::kBeside;
  info.keep_cache = open->mode == DataMode::kCached && keep_cache;
  info.noflush = !open->writable;  // close(2) has nothing to wait for
  return info;
}

// Linux empties a file on O_RDONLY | O_TRUNC, too, if the caller may write it.
bool empties_for_reading(int flags) { return (flags & O_TRUNC) && !writes(flags); }

Task<Result<v1::Attr>> resize(Volume* volume, client::Identity who, InodeId inode, uint64_t size) {
  v1::SetAttrRequest change;
  change.set_inode(inode.value);
  change.set_size(size);
  return change_attr(volume, std::move(who), std::move(change), nullptr);
}

Task<Result<std::unique_ptr<client::File>>> open_by_flags(Volume* volume, client::Identity who, InodeId inode, int flags) {
  client::Client* client = &volume->client();
  client::OpenFlags open_flags = to_open_flags(*volume, flags);
  // Who reads the file by passthrough shall see what is written now.
  if (writes(flags)) open_flags.fork_from = volume->io_modes().backing_of(inode);
  if (open_flags.fork_from && open_flags.truncate) {
    open_flags.truncate = false;
    CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> emptied, co_await client->open(std::move(who), inode, open_flags));
    CO_TRY(co_await emptied->truncate(0));
    co_return emptied;
  }
  if (empties_for_reading(flags)) {
    CO_TRY(co_await resize(volume, who, inode, 0));
    open_flags.truncate = false;
  }
  auto file = co_await client->open(std::move(who), inode, open_flags);
  co_return file;
}

constexpr std::string_view kNoName = "/";  // the kernel's for a file without one: O_TMPFILE

// The kernel asks for a creation where it knows no name; somebody else may have made one since.
Task<Result<client::Created>> create_by_flags(Volume* volume, client::Identity who, InodeId parent, std::string name,
                                              uint32_t mode, int flags) {
  client::Client* client = &volume->client();
  client::OpenFlags open_flags = to_open_flags(*volume, flags);
  if (name == kNoName) {
    const bool linkable = (flags & O_EXCL) == 0;
    open_flags.stage = false;
    auto made = co_await client->create_unnamed(std::move(who), parent, mode, open_flags, linkable);
    co_return made;
  }
  open_flags.stage = open_flags.stage && volume->stage_policy().wants(parent);
  if (empties_for_reading(flags)) open_flags.truncate = false;
  CO_ASSIGN_OR_RETURN(client::Created made,
                      co_await client->create(who, parent, std::move(name), mode, open_flags, (flags & O_EXCL) != 0));
  if (empties_for_reading(flags) && !made.created) {
    CO_ASSIGN_OR_RETURN(made.attr, co_await resize(volume, std::move(who), made.file->inode(), 0));
  }
  co_return made;
}

Task<void> create(Request request, client::Identity who, InodeId parent, std::string name, uint32_t mode, int flags) {
  Volume& volume = request.volume();
  auto created = co_await create_by_flags(&volume, std::move(who), parent, std::move(name), mode, flags);
  volume.inodes().changed();
  if (!created) {
    request.fail(created.error());
    co_return;
  }
  const InodeId made_in = created->created && writes(flags) ? parent : InodeId{};
  OpenFile* open = co_await adopt(&volume, std::move(created->file), flags, made_in);
  if ((flags & O_TRUNC) && !created->created) volume.inodes().content_changed(open->inode);
  // Opened for writing before the attributes are taken: another handle's uncommitted size has to be in them.
  v1::Attr attr = volume.with_local_changes(std::move(created->attr));
  const bool keep = !is_backed(open->mode) && volume.inodes().keep_cache(attr);
  if (!request.created(attr, to_reply(open, keep), open->backing_id)) co_await close_file(&volume, open);
}

Task<void> open(Request request, client::Identity who, InodeId inode, int flags) {
  Volume& volume = request.volume();
  auto file = co_await open_by_flags(&volume, std::move(who), inode, flags);
  if (!file) {
    // Removed elsewhere: the kernel looks the name up again and may find another file.
    const bool gone = file.error().is(Code::kRejected) && file.error().is_errno(ENOENT);
    if (gone) volume.second_look().missed();
    if (gone)
      request.fail(ESTALE);
    else
      request.fail(file.error());
    co_return;
  }
  const bool was_open = volume.is_open(inode);
  OpenFile* open = co_await adopt(&volume, std::move(*file), flags);
  if (flags & O_TRUNC) {
    volume.inodes().changed();
    volume.inodes().content_changed(inode);
  }
  const v1::Attr attr = open->file->opened_attr();
  // Somebody elsewhere has removed or replaced the name, and the file lives on because somebody has it open: looked up again.
  if (attr.nlink() == 0 && !was_open && !volume.second_look().holds(inode)) {
    volume.second_look().missed();
    co_await close_file(&volume, open);
    request.fail(ESTALE);
    co_return;
  }
  // Close-to-open: reads are cut at the size that the kernel knows.
  if (!volume.inodes().was_shown(attr)) volume.forget_attributes(inode);
  const bool keep = !is_backed(open->mode) && volume.inodes().keep_cache(attr);
  if (!request.opened(to_reply(open, keep), open->backing_id)) co_await close_file(&volume, open);
}

Task<void> flush(Request request, OpenFile* open) {
  if (!open->writable) {
    request.done();
    co_return;
  }
  auto flushed = co_await open->file->flush();
  request.volume().inodes().changed();
  request.finish(flushed);
}

Task<void> fsync(Request request, OpenFile* open) {
  // Through a descriptor for reading, too, what others wrote here has to be stored.
  if (!request.volume().inodes().is_open_for_write(open->inode)) {
    request.done();
    co_return;
  }
  auto synced = co_await open->file->fsync(request.volume().config().fsync_durability);
  request.volume().inodes().changed();
  request.finish(synced);
}

Task<void> release(Request request, OpenFile* open) {
  co_await close_file(&request.volume(), open);
  request.done();
}

}  // namespace

void op_create(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  volume.serve(create(Request(volume, raw, "create"), identity_of(raw), InodeId{parent}, name, mode & 07777, info->flags));
}

void op_open(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  client::Identity who = (info->flags & kExecFlag) ? client::Identity{} : identity_of(raw);
  volume.serve(open(Request(volume, raw, "open"), std::move(who), InodeId{inode}, info->flags));
}

void op_flush(fuse_req_t raw, fuse_ino_t, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  volume.serve(flush(Request(volume, raw, "flush"), open_file(info)), work_on(open_file(info)));
}

void op_release(fuse_req_t raw, fuse_ino_t, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  volume.serve(release(Request(volume, raw, "release"), open_file(info)), work_on(open_file(info)));
}

// fdatasync(2) asks for no less: without its size, what was written cannot be read back.
void op_fsync(fuse_req_t raw, fuse_ino_t, int, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  volume.serve(fsync(Request(volume, raw, "fsync"), open_file(info)), work_on(open_file(info)));
}

}  // namespace forebay::fuse
