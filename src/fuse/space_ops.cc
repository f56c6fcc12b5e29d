#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

// Nothing is reserved, but who asks for more than there is room for is told so now.
Task<Result<void>> check_room(client::Client* client, OpenFile* open, uint64_t offset, uint64_t length) {
  CO_ASSIGN_OR_RETURN(const v1::Attr attr, co_await open->file->attr());
  const uint64_t end = offset + length, begin = std::max(offset, attr.size());
  if (end <= begin) co_return Result<void>{};
  CO_ASSIGN_OR_RETURN(const v1::StatFsReply space, co_await client->stat_fs());
  if (end - begin > space.free_bytes()) co_return rejected(ENOSPC, "more than the cluster has room for");
  co_return Result<void>{};
}

Task<void> fallocate(Request request, OpenFile* open, uint64_t offset, uint64_t length, client::FallocateMode mode) {
  Result<void> done;
  if (!mode.keep_size) done = co_await check_room(&request.client(), open, offset, length);
  if (done) done = co_await open->file->fallocate(offset, length, mode);
  InodeTable& inodes = request.volume().inodes();
  inodes.changed();
  inodes.content_changed(open->inode);
  request.finish(done);
}

}  // namespace

// The kernel has written its pages of the range, and drops them when this is answered. It refuses the modes that move bytes.
void op_fallocate(fuse_req_t raw, fuse_ino_t, int mode, off_t offset, off_t length, fuse_file_info* info) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "fallocate");
  const client::FallocateMode wanted{.zero = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0,
                                     .keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0};
  if (wanted.keep_size && !wanted.zero) return request.fail(EOPNOTSUPP);
  volume.serve(fallocate(std::move(request), reinterpret_cast<OpenFile*>(info->fh), static_cast<uint64_t>(offset),
                         static_cast<uint64_t>(length), wanted));
}

}  // namespace forebay::fuse
