#include "fuse/convert.h"

#include <fuse3/fuse_lowlevel.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <limits>

namespace forebay::fuse {

namespace {
constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr uint64_t kSectorBytes = 512;  // st_blocks counts these whatever the block size
constexpr uint64_t kStatFsBlockBytes = 4096;
constexpr uint64_t kMaxFiles = uint64_t{1} << 40;  // there is no table of inodes that could fill up; df wants a number
}  // namespace

mode_t to_type_bits(v1::FileType type) {
  switch (type) {
    case v1::FILE_TYPE_REGULAR: return S_IFREG;
    case v1::FILE_TYPE_DIRECTORY: return S_IFDIR;
    case v1::FILE_TYPE_SYMLINK: return S_IFLNK;
    case v1::FILE_TYPE_FIFO: return S_IFIFO;
    case v1::FILE_TYPE_SOCKET: return S_IFSOCK;
    case v1::FILE_TYPE_CHARACTER: return S_IFCHR;
    case v1::FILE_TYPE_BLOCK: return S_IFBLK;
    default: return 0;
  }
}

v1::FileType from_type_bits(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return v1::FILE_TYPE_REGULAR;
    case S_IFDIR: return v1::FILE_TYPE_DIRECTORY;
    case S_IFLNK: return v1::FILE_TYPE_SYMLINK;
    case S_IFIFO: return v1::FILE_TYPE_FIFO;
    case S_IFSOCK: return v1::FILE_TYPE_SOCKET;
    case S_IFCHR: return v1::FILE_TYPE_CHARACTER;
    case S_IFBLK: return v1::FILE_TYPE_BLOCK;
    default: return v1::FILE_TYPE_UNSPECIFIED;
  }
}

timespec to_timespec(int64_t unix_nanos) {
  int64_t seconds = unix_nanos / kNanosPerSecond;
  int64_t nanos = unix_nanos % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_nsec = nanos};
}

int64_t from_timespec(const timespec& time) {
  int64_t nanos = 0;
  if (__builtin_mul_overflow(static_cast<int64_t>(time.tv_sec), kNanosPerSecond, &nanos) ||
      __builtin_add_overflow(nanos, static_cast<int64_t>(time.tv_nsec), &nanos))
    return time.tv_sec < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  return nanos;
}

struct stat to_stat(const v1::Attr& attr) {
  struct stat out{};
  out.st_ino = attr.inode();
  out.st_mode = to_type_bits(attr.type()) | (attr.mode() & 07777);
  out.st_nlink = attr.nlink();
  out.st_uid = attr.uid();
  out.st_gid = attr.gid();
  out.st_rdev = attr.rdev();
  out.st_size = static_cast<off_t>(attr.size());
  out.st_blksize = kPreferredIoBytes;
  out.st_blocks = static_cast<blkcnt_t>((attr.stored_bytes() + kSectorBytes - 1) / kSectorBytes);
  out.st_atim = to_timespec(attr.atime_ns());
  out.st_mtim = to_timespec(attr.mtime_ns());
  out.st_ctim = to_timespec(attr.ctime_ns());
  return out;
}

struct statvfs to_statvfs(const v1::StatFsReply& space) {
  struct statvfs out{};
  out.f_bsize = kPreferredIoBytes;
  out.f_frsize = kStatFsBlockBytes;
  out.f_blocks = space.total_bytes() / kStatFsBlockBytes;
  out.f_bfree = out.f_bavail = space.free_bytes() / kStatFsBlockBytes;
  out.f_files = std::max(kMaxFiles, space.files());
  out.f_ffree = out.f_favail = out.f_files - space.files();
  out.f_namemax = 255;
  return out;
}

v1::SetAttrRequest to_set_attr(uint64_t inode, const struct stat& wanted, int to_set) {
  v1::SetAttrRequest change;
  change.set_inode(inode);
  if (to_set & FUSE_SET_ATTR_MODE) change.set_mode(wanted.st_mode & 07777);
  if (to_set & FUSE_SET_ATTR_UID) change.set_uid(wanted.st_uid);
  if (to_set & FUSE_SET_ATTR_GID) change.set_gid(wanted.st_gid);
  if (to_set & FUSE_SET_ATTR_SIZE) change.set_size(static_cast<uint64_t>(wanted.st_size));
  // The kernel sets both bits of a pair for "now"; its clock is not the master's, so the value is left out then.
  if (to_set & FUSE_SET_ATTR_ATIME_NOW)
    change.set_atime_now(true);
  else if (to_set & FUSE_SET_ATTR_ATIME)
    change.set_atime_ns(from_timespec(wanted.st_atim));
  if (to_set & FUSE_SET_ATTR_MTIME_NOW)
    change.set_mtime_now(true);
  else if (to_set & FUSE_SET_ATTR_MTIME)
    change.set_mtime_ns(from_timespec(wanted.st_mtim));
  return change;
}

}  // namespace forebay::fuse
