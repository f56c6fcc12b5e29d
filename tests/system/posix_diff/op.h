// One operation of the comparison: what to do, by whom, with what.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <type_traits>

namespace posix_diff {

enum class Kind : uint32_t {
  kMkdir,
  kRmdir,
  kUnlink,
  kRename,
  kLink,
  kSymlink,
  kReadlink,
  kMknod,
  kOpen,
  kClose,
  kDup,
  kRead,
  kWrite,
  kPread,
  kPwrite,
  kSeek,
  kFtruncate,
  kTruncate,
  kFsync,
  kFallocate,
  kMapWrite,
  kMapRead,
  kChmod,
  kFchmod,
  kChown,
  kFchown,
  kUtimens,
  kFutimens,
  kStat,
  kFstat,
  kAccess,
  kList,
  kListWhileRemoving,
  kStatDescriptorPath,
  kPunchHole,
  kZeroRange,
  kSetXattr,
  kFsetxattr,
  kGetXattr,
  kFgetxattr,
  kListXattr,
  kRemoveXattr,
  kOpenUnnamed,
  kLinkDescriptor,
  kCount,
};

constexpr int kSlots = 5;            // open descriptors per actor
constexpr size_t kPathBytes = 1400;  // longest path, with names beyond what a file system takes

// Sent to the actor's process as it is.
struct Op {
  Kind kind = Kind::kStat;
  int32_t actor = 0;
  int32_t slot = 0;   // of a descriptor
  int32_t slot2 = 0;  // dup's target
  int32_t flags = 0;  // of the call
  uint32_t mode = 0;
  int64_t offset = 0;
  int64_t length = 0;
  int64_t uid = -1, gid = -1;
  int64_t atime = 0, mtime = 0;  // seconds, or UTIME_NOW / UTIME_OMIT when negative: see kNow, kOmit
  uint64_t seed = 0;             // of the bytes written
  char path[kPathBytes] = {};
  char path2[kPathBytes] = {};
};
static_assert(std::is_trivially_copyable_v<Op>);

constexpr int64_t kNow = -1, kOmit = -2;

// What the actor's process answers.
struct Verdict {
  int32_t same = 1;
  int32_t error = 0;  // errno of both, when they are the same
  char text[1024] = {};
};
static_assert(std::is_trivially_copyable_v<Verdict>);

std::string to_text(const Op& op);

}  // namespace posix_diff
