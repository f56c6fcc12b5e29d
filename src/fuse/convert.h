// Between the protocol's attributes and the kernel's.
#pragma once

#include <sys/stat.h>

#include "forebay/v1/common.pb.h"
#include "forebay/v1/namespace.pb.h"

struct statvfs;

namespace forebay::fuse {

// Suggested size of one read or write: large enough for cp and tar, small enough for programs that buffer so much per file.
inline constexpr blksize_t kPreferredIoBytes = 128 * 1024;

mode_t to_type_bits(v1::FileType type);       // S_IFREG, …; 0 for an unknown type
v1::FileType from_type_bits(mode_t mode);     // FILE_TYPE_UNSPECIFIED for what is none of the seven
timespec to_timespec(int64_t unix_nanos);     // also before 1970: tv_nsec stays within 0 … 999,999,999
int64_t from_timespec(const timespec& time);  // saturates beyond the years 1677 and 2262
struct stat to_stat(const v1::Attr& attr);
struct statvfs to_statvfs(const v1::StatFsReply& space);

// `to_set` are FUSE_SET_ATTR_* bits; what the protocol has no field for (ctime) is the master's to set.
v1::SetAttrRequest to_set_attr(uint64_t inode, const struct stat& wanted, int to_set);

}  // namespace forebay::fuse
