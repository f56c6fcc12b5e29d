#include "execute.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace posix_diff {

namespace {

std::string bytes_of(uint64_t seed, size_t size) {
  std::string out(size, '\0');
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t word = random();
    std::memcpy(out.data() + i, &word, std::min<size_t>(8, size - i));
  }
  return out;
}

Outcome outcome_of(int64_t result) {
  if (result < 0) return {.error = errno};
  return {.value = result};
}

Outcome with_attributes(int fd) {
  struct stat stat{};
  if (::fstat(fd, &stat) != 0) return {.error = errno};
  return {.attributes = stat};
}

timespec to_timespec(int64_t seconds) {
  if (seconds == kNow) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  if (seconds == kOmit) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  return {.tv_sec = seconds, .tv_nsec = 123'456'000};
}

char type_letter(unsigned char type) {
  switch (type) {
    case DT_DIR: return 'd';
    case DT_REG: return 'f';
    case DT_LNK: return 'l';
    case DT_FIFO: return 'p';
    case DT_SOCK: return 's';
    default: return '?';
  }
}

}  // namespace

Tree::Tree(const std::string& root) : root_(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  slots_.fill(-1);
  if (root_ < 0) std::perror(root.c_str()), std::exit(2);
}

Tree::~Tree() {
  close_all();
  ::close(root_);
}

void Tree::close_all() {
  for (int& fd : slots_) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
}

Outcome Tree::run(const Op& op) {
  switch (op.kind) {
    case Kind::kMkdir:
    case Kind::kRmdir:
    case Kind::kUnlink:
    case Kind::kRename:
    case Kind::kLink:
    case Kind::kSymlink:
    case Kind::kReadlink:
    case Kind::kLinkDescriptor:
    case Kind::kMknod: return run_names(op);
    case Kind::kOpen:
    case Kind::kOpenUnnamed:
    case Kind::kClose:
    case Kind::kDup: return run_open(op);
    case Kind::kSetXattr:
    case Kind::kFsetxattr:
    case Kind::kGetXattr:
    case Kind::kFgetxattr:
    case Kind::kListXattr:
    case Kind::kRemoveXattr: return run_xattrs(op);
    case Kind::kList: return list(op, false);
    case Kind::kListWhileRemoving: return list(op, true);
    case Kind::kChmod:
    case Kind::kFchmod:
    case Kind::kChown:
    case Kind::kFchown:
    case Kind::kUtimens:
    case Kind::kFutimens:
    case Kind::kStat:
    case Kind::kFstat:
    case Kind::kAccess:
    case Kind::kStatDescriptorPath: return run_attributes(op);
    default: return run_data(op);
  }
}

Outcome Tree::run_names(const Op& op) {
  switch (op.kind) {
    case Kind::kMkdir: return outcome_of(::mkdirat(root_, op.path, op.mode));
    case Kind::kRmdir: return outcome_of(::unlinkat(root_, op.path, AT_REMOVEDIR));
    case Kind::kUnlink: return outcome_of(::unlinkat(root_, op.path, 0));
    case Kind::kRename: return outcome_of(::renameat2(root_, op.path, root_, op.path2, static_cast<unsigned>(op.flags)));
    case Kind::kLink: return outcome_of(::linkat(root_, op.path, root_, op.path2, op.flags));
    case Kind::kLinkDescriptor: {
      const std::string self = "/proc/self/fd/" + std::to_string(slot(op.slot));
      return outcome_of(::linkat(AT_FDCWD, self.c_str(), root_, op.path2, AT_SYMLINK_FOLLOW));
    }
    case Kind::kSymlink: return outcome_of(::symlinkat(op.path, root_, op.path2));
    case Kind::kMknod: return outcome_of(::mknodat(root_, op.path, op.mode, 0));
    default: break;
  }
  std::string target(4096, '\0');
  Outcome outcome = outcome_of(::readlinkat(root_, op.path, target.data(), target.size()));
  if (outcome.error == 0) outcome.data = target.substr(0, static_cast<size_t>(outcome.value));
  return outcome;
}

Outcome Tree::run_open(const Op& op) {
  int& fd = slot(op.slot);
  if (op.kind == Kind::kClose) {
    const int closing = std::exchange(fd, -1);
    return outcome_of(::close(closing));
  }
  if (op.kind == Kind::kDup) {
    if (op.slot == op.slot2) return {};
    int& target = slot(op.slot2);
    if (target >= 0) ::close(target);
    target = fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return outcome_of(fd < 0 ? 0 : std::min(target, 0));
  }
  const int unnamed = op.kind == Kind::kOpenUnnamed ? O_TMPFILE : 0;
  const int opened = ::openat(root_, op.path, op.flags | unnamed | O_CLOEXEC, op.mode);
  if (opened < 0) return {.error = errno};
  if (fd >= 0) ::close(fd);
  fd = opened;
  return with_attributes(fd);
}

// Touching a mapping of a file that is shorter now raises SIGBUS; the length mapped is within the file, and nobody else runs
// meanwhile.
Outcome Tree::map(int fd, const Op& op) {
  struct stat stat{};
  if (::fstat(fd, &stat) != 0) return {.error = errno};
  if (!S_ISREG(stat.st_mode) || stat.st_size == 0) return {};
  const auto size = static_cast<size_t>(stat.st_size);
  const bool writes = op.kind == Kind::kMapWrite;
  // A file that many machines append to may not be mapped writable through the descriptor that appends, before Linux 6.6.
  if (writes && (::fcntl(fd, F_GETFL) & O_APPEND)) return {};
  // Bytes written through a mapping take set-user-id away when they are committed, as bytes written otherwise do at once. Local
  // file systems do not notice the former.
  if (writes && (stat.st_mode & (S_ISUID | S_ISGID))) return {};
  void* raw = ::mmap(nullptr, size, writes ? PROT_READ | PROT_WRITE : PROT_READ, writes ? MAP_SHARED : MAP_PRIVATE, fd, 0);
  if (raw == MAP_FAILED) return {.error = errno};
  char* memory = static_cast<char*>(raw);
  const size_t begin = static_cast<size_t>(std::max<int64_t>(op.offset, 0)) % size;
  const size_t count = std::min(static_cast<size_t>(op.length), size - begin);
  Outcome outcome{.value = static_cast<int64_t>(count)};
  if (writes) {
    const std::string data = bytes_of(op.seed, count);
    std::memcpy(memory + begin, data.data(), count);
    if (::msync(raw, size, MS_SYNC) != 0) outcome.error = errno;
  } else {
    outcome.data.assign(memory + begin, count);
  }
  ::munmap(raw, size);
  return outcome;
}

// File systems differ in whether a truncation to the size that a file has marks it as modified: one byte more, then.
int64_t other_size(const struct stat& now, int64_t wanted) { return now.st_size == wanted ? wanted + 1 : wanted; }

Outcome Tree::run_data(const Op& op) {
  const int fd = slot(op.slot);
  const auto length = static_cast<size_t>(op.length);
  switch (op.kind) {
    case Kind::kRead:
    case Kind::kPread: {
      std::string into(length, '\0');
      Outcome outcome =
          outcome_of(op.kind == Kind::kRead ? ::read(fd, into.data(), length) : ::pread(fd, into.data(), length, op.offset));
      if (outcome.error == 0) outcome.data = into.substr(0, static_cast<size_t>(outcome.value));
      return outcome;
    }
    case Kind::kWrite: return outcome_of(::write(fd, bytes_of(op.seed, length).data(), length));
    case Kind::kPwrite: return outcome_of(::pwrite(fd, bytes_of(op.seed, length).data(), length, op.offset));
    case Kind::kSeek: {
      // Where the end of a directory is, is the file system's own affair.
      struct stat stat{};
      if (::fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode)) return {};
      return outcome_of(::lseek(fd, op.offset, op.flags));
    }
    case Kind::kFtruncate: {
      struct stat stat{};
      return outcome_of(::ftruncate(fd, ::fstat(fd, &stat) == 0 ? other_size(stat, op.offset) : op.offset));
    }
    case Kind::kTruncate: {
      // There is no truncateat: through the descriptor's own name.
      const std::string path = "/proc/self/fd/" + std::to_string(root_) + "/" + op.path;
      struct stat stat{};
      const bool known = ::stat(path.c_str(), &stat) == 0;
      return outcome_of(::truncate(path.c_str(), known ? other_size(stat, op.offset) : op.offset));
    }
    case Kind::kFsync: return outcome_of(op.flags == 0 ? ::fsync(fd) : ::fdatasync(fd));
    case Kind::kFallocate:
    case Kind::kPunchHole:
    case Kind::kZeroRange: return fallocate(fd, op);
    default: return map(fd, op);
  }
}

// tmpfs knows no zero range: there it is made of what it knows.
Outcome Tree::fallocate(int fd, const Op& op) {
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (op.kind == Kind::kFallocate) return outcome_of(::fallocate(fd, 0, op.offset, op.length));
  if (op.kind == Kind::kPunchHole) return outcome_of(::fallocate(fd, kPunch, op.offset, op.length));
  const int keep_size = op.flags != 0 ? FALLOC_FL_KEEP_SIZE : 0;
  const Outcome outcome = outcome_of(::fallocate(fd, FALLOC_FL_ZERO_RANGE | keep_size, op.offset, op.length));
  if (outcome.error != EOPNOTSUPP) return outcome;
  if (::fallocate(fd, kPunch, op.offset, op.length) != 0) return {.error = errno};
  struct stat stat{};
  if (::fstat(fd, &stat) != 0) return {.error = errno};
  const bool grows = keep_size == 0 && stat.st_size < op.offset + op.length;
  return outcome_of(grows ? ::ftruncate(fd, op.offset + op.length) : 0);
}

// What is open without the file system having been told (a directory, a FIFO) can still be looked at after it was removed, but
// not changed, on a file system that many machines share.
bool is_removed_for_good(int fd) {
  struct stat stat{};
  return ::fstat(fd, &stat) == 0 && !S_ISREG(stat.st_mode) && stat.st_nlink == 0;
}

// Of symbolic links themselves: below the root there is no call that takes a directory's descriptor.
Outcome Tree::run_xattrs(const Op& op) {
  const int fd = slot(op.slot);
  const bool on_descriptor = op.kind == Kind::kFsetxattr || op.kind == Kind::kFgetxattr;
  if (on_descriptor && is_removed_for_good(fd)) return {};
  const std::string path = "/proc/self/fd/" + std::to_string(root_) + "/" + op.path;
  const auto length = static_cast<size_t>(op.length);
  std::string room(std::max<size_t>(length, 1), '\0');
  switch (op.kind) {
    case Kind::kSetXattr:
      return outcome_of(::lsetxattr(path.c_str(), op.path2, bytes_of(op.seed, length).data(), length, op.flags));
    case Kind::kFsetxattr: return outcome_of(::fsetxattr(fd, op.path2, bytes_of(op.seed, length).data(), length, op.flags));
    case Kind::kRemoveXattr: return outcome_of(::lremovexattr(path.c_str(), op.path2));
    case Kind::kListXattr: {
      room.resize(65'536);
      Outcome outcome = outcome_of(::llistxattr(path.c_str(), room.data(), room.size()));
      if (outcome.error != 0) return outcome;
      std::vector<std::string> names;
      for (size_t at = 0; at < static_cast<size_t>(outcome.value); at += names.back().size() + 1)
        names.emplace_back(room.c_str() + at);
      std::sort(names.begin(), names.end());
      for (const std::string& name : names) outcome.data += name + '\n';
      return outcome;
    }
    default: break;
  }
  Outcome outcome = outcome_of(op.kind == Kind::kGetXattr ? ::lgetxattr(path.c_str(), op.path2, room.data(), length)
                                                          : ::fgetxattr(fd, op.path2, room.data(), length));
  if (outcome.error == 0 && length > 0) outcome.data = room.substr(0, static_cast<size_t>(outcome.value));
  return outcome;
}

Outcome Tree::run_attributes(const Op& op) {
  const int fd = slot(op.slot);
  const bool changes = op.kind == Kind::kFchmod || op.kind == Kind::kFchown || op.kind == Kind::kFutimens;
  if (changes && is_removed_for_good(fd)) return {};
  const auto uid = static_cast<uid_t>(op.uid);
  const auto gid = static_cast<gid_t>(op.gid);
  const timespec times[2] = {to_timespec(op.atime), to_timespec(op.mtime)};
  switch (op.kind) {
    case Kind::kChmod: return outcome_of(::fchmodat(root_, op.path, op.mode, 0));
    case Kind::kFchmod: return outcome_of(::fchmod(fd, op.mode));
    case Kind::kChown: return outcome_of(::fchownat(root_, op.path, uid, gid, op.flags));
    case Kind::kFchown: return outcome_of(::fchown(fd, uid, gid));
    case Kind::kUtimens: return outcome_of(::utimensat(root_, op.path, times, op.flags));
    case Kind::kFutimens: {
      Outcome outcome = outcome_of(::futimens(fd, times));
      return outcome.error == 0 ? with_attributes(fd) : outcome;
    }
    case Kind::kFstat: return with_attributes(fd);
    case Kind::kAccess: return outcome_of(::faccessat(root_, op.path, op.flags, 0));
    case Kind::kStatDescriptorPath: {
      const int path = ::openat(root_, op.path, O_PATH | O_CLOEXEC);
      if (path < 0) return {.error = errno};
      Outcome outcome = with_attributes(path);
      ::close(path);
      return outcome;
    }
    default: break;
  }
  struct stat stat{};
  if (::fstatat(root_, op.path, &stat, op.flags) != 0) return {.error = errno};
  return {.attributes = stat};
}

// The names with their types, sorted; with `removing`, each file is unlinked as it is read.
Outcome Tree::list(const Op& op, bool removing) {
  const int fd = ::openat(root_, op.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {.error = errno};
  DIR* directory = ::fdopendir(fd);
  std::vector<std::string> names;
  Outcome outcome;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) break;
    names.push_back(std::string(1, type_letter(entry->d_type)) + ' ' + entry->d_name);
    if (removing && entry->d_type == DT_REG && ::unlinkat(fd, entry->d_name, 0) != 0) names.back() += " (stays)";
  }
  outcome.error = errno;
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) outcome.data += name + '\n';
  return outcome;
}

}  // namespace posix_diff
