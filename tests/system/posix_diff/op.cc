#include "op.h"

#include <array>
#include <sstream>

namespace posix_diff {

namespace {
constexpr std::array<const char*, static_cast<size_t>(Kind::kCount)> kNames = {"mkdir",        "rmdir",
                                                                               "unlink",       "rename",
                                                                               "link",         "symlink",
                                                                               "readlink",     "mknod",
                                                                               "open",         "close",
                                                                               "dup",          "read",
                                                                               "write",        "pread",
                                                                               "pwrite",       "lseek",
                                                                               "ftruncate",    "truncate",
                                                                               "fsync",        "fallocate",
                                                                               "mmap+write",   "mmap+read",
                                                                               "chmod",        "fchmod",
                                                                               "chown",        "fchown",
                                                                               "utimens",      "futimens",
                                                                               "stat",         "fstat",
                                                                               "access",       "list",
                                                                               "list+remove",  "stat of open path",
                                                                               "punch hole",   "zero range",
                                                                               "setxattr",     "fsetxattr",
                                                                               "getxattr",     "fgetxattr",
                                                                               "listxattr",    "removexattr",
                                                                               "open unnamed", "link descriptor"};

std::string shown(const char* path) {
  std::string text = path;
  if (text.size() > 80) text = text.substr(0, 60) + "…(" + std::to_string(text.size()) + " bytes)";
  return "'" + text + "'";
}
}  // namespace

std::string to_text(const Op& op) {
  std::ostringstream out;
  out << "actor " << op.actor << ": " << kNames[static_cast<size_t>(op.kind)];
  if (op.path[0] != '\0') out << ' ' << shown(op.path);
  if (op.path2[0] != '\0') out << " → " << shown(op.path2);
  const bool on_path = op.path[0] != '\0';
  if (!on_path || op.kind == Kind::kOpen) out << " slot=" << op.slot;
  if (op.kind == Kind::kDup) out << " to slot=" << op.slot2;
  if (op.flags != 0) out << " flags=0" << std::oct << op.flags << std::dec;
  switch (op.kind) {
    case Kind::kMkdir:
    case Kind::kMknod:
    case Kind::kOpen:
    case Kind::kChmod:
    case Kind::kFchmod: out << " mode=0" << std::oct << op.mode << std::dec; break;
    case Kind::kChown:
    case Kind::kFchown: out << " uid=" << op.uid << " gid=" << op.gid; break;
    case Kind::kUtimens:
    case Kind::kFutimens: out << " atime=" << op.atime << " mtime=" << op.mtime; break;
    case Kind::kSetXattr:
    case Kind::kFsetxattr:
    case Kind::kGetXattr:
    case Kind::kFgetxattr: out << " length=" << op.length; break;
    case Kind::kRead:
    case Kind::kWrite: out << " length=" << op.length; break;
    case Kind::kPread:
    case Kind::kPwrite:
    case Kind::kFallocate:
    case Kind::kPunchHole:
    case Kind::kZeroRange:
    case Kind::kMapWrite:
    case Kind::kMapRead: out << " length=" << op.length; [[fallthrough]];
    case Kind::kSeek:
    case Kind::kFtruncate:
    case Kind::kTruncate: out << " offset=" << op.offset; break;
    default: break;
  }
  return out.str();
}

}  // namespace posix_diff
