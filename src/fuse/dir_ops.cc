#include "fuse/convert.h"
#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

OpenDir* open_dir(const fuse_file_info* info) { return reinterpret_cast<OpenDir*>(info->fh); }

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// An entry with attributes for READDIRPLUS. Node id 0 gives the name alone: the kernel asks when it needs more. So it is for "."
// and "..", and whenever the attributes may be behind what this mount has changed since they were read.
fuse_entry_param to_plus(Volume& volume, const DirStream::Entry& entry) {
  fuse_entry_param plus{};
  plus.attr.st_ino = entry.inode;
  plus.attr.st_mode = to_type_bits(entry.type);
  if (entry.attr == nullptr || entry.stamp != volume.inodes().changes()) return plus;
  if (volume.inodes().is_open_for_write(InodeId{entry.inode})) return plus;
  volume.inodes().show(*entry.attr);
  plus.ino = entry.inode;
  plus.attr = to_stat(*entry.attr);
  plus.attr_timeout = seconds(volume.config().attr_timeout);
  plus.entry_timeout = seconds(volume.config().entry_timeout);
  return plus;
}

// The size the entry takes, or would take: more than `room` when it does not fit.
size_t add_entry(Request& request, char* at, size_t room, const DirStream::Entry& entry, off_t next, bool plus) {
  const std::string name(entry.name);
  if (plus) {
    const fuse_entry_param param = to_plus(request.volume(), entry);
    return fuse_add_direntry_plus(request.raw(), at, room, name.c_str(), &param, next);
  }
  struct stat stat{};
  stat.st_ino = entry.inode;
  stat.st_mode = to_type_bits(entry.type);
  return fuse_add_direntry(request.raw(), at, room, name.c_str(), &stat, next);
}

// Fills `reply` with entries from a position on; the bytes used. Done with the directory when it returns: after the reply the
// kernel may release it.
Task<Result<size_t>> fill(Request* request, OpenDir* directory, std::vector<char>* reply, uint64_t position, bool plus) {
  const async::Mutex::Guard guard = co_await directory->lock.lock();
  size_t used = 0;
  for (;;) {
    auto entry = co_await directory->stream.at(position, plus);
    // An error after some entries is told at the next read, which starts where this one ends.
    if (!entry && used == 0) co_return std::unexpected(std::move(entry).error());
    if (!entry || !entry->has_value()) co_return used;
    const size_t room = reply->size() - used;
    const size_t taken = add_entry(*request, reply->data() + used, room, **entry, static_cast<off_t>(position + 1), plus);
    if (taken > room) co_return used;
    used += taken;
    ++position;
  }
}

Task<void> read_directory(Request request, OpenDir* directory, size_t size, uint64_t position, bool plus) {
  std::vector<char> reply(size);
  auto used = co_await fill(&request, directory, &reply, position, plus);
  if (!used)
    request.fail(used.error());
  else
    request.bytes(reply.data(), *used);
}

Task<Result<client::Listed>> fetch(client::Client* client, client::Identity who, InodeId inode, std::string after, uint32_t limit,
                                   bool attributes) {
  return client->read_dir(std::move(who), inode, std::move(after), limit, attributes);
}

// Read as the superuser: the kernel checked the caller's permission when the directory was opened, and what is open stays
// readable whatever happens to its mode.
std::unique_ptr<OpenDir> make_open_dir(Volume& volume, InodeId inode) {
  auto read_page = [client = &volume.client(), inode](std::string after, uint32_t limit, bool attributes) {
    return fetch(client, client::Identity{}, inode, std::move(after), limit, attributes);
  };
  auto stamp = [inodes = &volume.inodes()] { return inodes->changes(); };
  return std::unique_ptr<OpenDir>(
      new OpenDir{.stream = DirStream(inode, volume.config().directories, std::move(read_page), std::move(stamp))});
}

void read_directory_op(fuse_req_t raw, std::string_view operation, size_t size, off_t offset, fuse_file_info* info, bool plus) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, operation);
  if (offset < 0) return request.fail(EINVAL);
  const size_t room = std::min<size_t>(size, kMaxRequestBytes);
  volume.serve(read_directory(std::move(request), open_dir(info), room, static_cast<uint64_t>(offset), plus));
}

}  // namespace

// The kernel has checked the permission to list. Nothing is asked of the master before the first entry is read.
void op_opendir(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "opendir");
  OpenDir* directory = volume.adopt(make_open_dir(volume, InodeId{inode}));
  fuse_file_info reply = *info;
  reply.fh = reinterpret_cast<uint64_t>(directory);
  if (!request.opened(reply, 0)) volume.release(directory);
}

void op_readdir(fuse_req_t raw, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  read_directory_op(raw, "readdir", size, offset, info, false);
}

void op_readdirplus(fuse_req_t raw, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  read_directory_op(raw, "readdirplus", size, offset, info, true);
}

void op_releasedir(fuse_req_t raw, fuse_ino_t, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "releasedir");
  volume.release(open_dir(info));
  request.done();
}

// Every change of names is in the journal before it is answered.
void op_fsyncdir(fuse_req_t raw, fuse_ino_t, int, fuse_file_info*) { Request(volume_of(raw), raw, "fsyncdir").done(); }

}  // namespace forebay::fuse
