#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "fuse/message.h"
#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

OpenFile* open_file(const fuse_file_info* info) { return reinterpret_cast<OpenFile*>(info->fh); }

Task<void> read(Request request, OpenFile* open, size_t size, uint64_t offset) {
  BufferPool& pool = request.volume().read_buffers();
  void* memory = pool.take();
  if (memory == nullptr) memory = std::malloc(kMaxRequestBytes);
  if (memory == nullptr) {
    request.fail(ENOMEM);
    co_return;
  }
  const BufferPool::Buffer buffer(&pool, memory);
  const MutableBytes into(static_cast<std::byte*>(memory), std::min<size_t>(size, kMaxRequestBytes));
  auto got = co_await open->file->pread(into, offset);
  if (!got)
    request.fail(got.error());
  else
    request.bytes(memory, *got);
}

struct Write {
  uint64_t offset;
  bool at_end;
  std::optional<client::Identity> privilege_taken_by;  // past the page cache, where the kernel leaves that to the file system
};

// What is written through this handle for the first time is about to be closed, and short enough that a commit is all it takes.
bool is_worth_a_commit(Volume& volume, const OpenFile& open, uint64_t end) {
  return open.made_in && open.writes == 1 && open.is_small(end) && volume.last_write_policy().is_first_the_last(open.made_in);
}

// `message` keeps `data` alive.
Task<void> write(Request request, OpenFile* open, BufferPool::Buffer message, Bytes data, Write how) {
  Result<void> written;
  if (how.at_end)
    written = co_await open->file->append(data);
  else
    written = co_await open->file->pwrite(data, how.offset);
  InodeTable& inodes = request.volume().inodes();
  std::shared_ptr<client::File> ahead;
  if (written) {
    ++open->writes;
    if (is_worth_a_commit(request.volume(), *open, how.offset + data.size())) ahead = open->file;
    const uint64_t end = how.offset + data.size();
    for (uint64_t before = open->written; before < end && !open->written.compare_exchange_weak(before, end);) {
    }
  }
  if (written && how.privilege_taken_by) {
    auto dropped = co_await drop_privilege(&request.client(), *how.privilege_taken_by, open->inode);
    if (dropped) inodes.note_privilege(*dropped);  // if not: the commit drops it
  }
  inodes.changed();
  inodes.content_changed(open->inode);
  if (!written) {
    request.fail(written.error());
    co_return;
  }
  request.written(data.size());
  // Now the file may be flushed, which waits for this commit, and released. Its error breaks the file: the flush says so.
  if (!ahead) co_return;
  message = {};
  (void)co_await ahead->flush();
  inodes.changed();
}

struct Span {
  uint64_t begin, end;
};

// A hole is shown in whole blocks, as file systems with blocks do: programs take what is between two offsets to be worth a seek.
constexpr uint64_t kHoleBlock = 4 * kKiB;
uint64_t block_begin(uint64_t offset) { return offset / kHoleBlock * kHoleBlock; }
uint64_t block_end(uint64_t offset) { return block_begin(offset + (kHoleBlock - 1)); }

// The first range of blocks with stored bytes that ends behind `from`, or nothing. Pages through the layout.
Task<Result<std::optional<Span>>> next_stored(client::Client* client, InodeId inode, uint64_t from) {
  uint64_t page_start = block_begin(from);
  for (;;) {
    auto layout = co_await client->layout(client::Identity{}, inode, page_start);
    if (!layout) co_return std::unexpected(std::move(layout).error());
    for (const v1::Extent& extent : layout->extents()) {
      const uint64_t end = extent.file_offset() + extent.length();
      if (end > block_begin(from)) co_return Span{block_begin(extent.file_offset()), block_end(end)};
      page_start = std::max(page_start, end);
    }
    if (!layout->more() || layout->extents().empty()) co_return std::nullopt;
  }
}

Task<Result<uint64_t>> seek(client::Client* client, OpenFile* open, uint64_t offset, int whence) {
  // The layout shows what is committed.
  if (open->writable) CO_TRY(co_await open->file->flush());
  CO_ASSIGN_OR_RETURN(const v1::Attr attr, co_await open->file->attr());
  if (offset >= attr.size()) co_return rejected(ENXIO, "seek beyond the end");
  for (uint64_t at = offset;;) {
    CO_ASSIGN_OR_RETURN(const auto stored, co_await next_stored(client, open->inode, at));
    if (!stored || stored->begin >= attr.size()) {
      if (whence == SEEK_DATA) co_return rejected(ENXIO, "no data behind the offset");
      co_return at;  // a hole until the end, or the end itself, which counts as one
    }
    if (whence == SEEK_DATA) co_return std::max(offset, stored->begin);
    if (stored->begin > at) co_return at;
    at = std::min(stored->end, attr.size());
    if (at == attr.size()) co_return at;
  }
}

Task<void> lseek(Request request, OpenFile* open, uint64_t offset, int whence) {
  auto at = co_await seek(&request.client(), open, offset, whence);
  if (!at)
    request.fail(at.error());
  else
    request.position(static_cast<off_t>(*at));
}

}  // namespace

void op_read(fuse_req_t raw, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  OpenFile* open = open_file(info);
  volume.serve(read(Request(volume, raw, "read"), open, size, static_cast<uint64_t>(offset)), work_on(open));
}

void op_write(fuse_req_t raw, fuse_ino_t, const char* data, size_t size, off_t offset, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  OpenFile* open = open_file(info);
  // The kernel writes a mapping's pages through any writable handle of the inode, and each has its place. The flags are the
  // current ones: fcntl(2) can take O_APPEND back.
  Write how{.offset = static_cast<uint64_t>(offset),
            .at_end = open->append && (info->flags & O_APPEND) && !info->writepage,
            .privilege_taken_by = {}};
  const bool past_cache = (open->mode == DataMode::kDirect || open->mode == DataMode::kBeside) && !info->writepage;
  if (past_cache && volume.inodes().is_privileged(open->inode)) how.privilege_taken_by = identity_of(raw);
  Request request(volume, raw, "write");
  const Volume::Work work = work_on(open, how.offset + size);
  volume.serve(write(std::move(request), open, take_message(volume), as_bytes({data, size}), std::move(how)), work);
}

void op_lseek(fuse_req_t raw, fuse_ino_t, off_t offset, int whence, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "lseek");
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return request.fail(EINVAL);
  if (offset < 0) return request.fail(ENXIO);
  OpenFile* open = open_file(info);
  volume.serve(lseek(std::move(request), open, static_cast<uint64_t>(offset), whence), work_on(open));
}

}  // namespace forebay::fuse
