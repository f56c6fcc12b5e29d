#include "generate.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace posix_diff {

namespace {

constexpr size_t kMostKnown = 64, kLongestKnown = 600;

constexpr int kClosed = -1;

struct Weighted {
  Kind kind;
  unsigned weight;
};
constexpr std::array kWeights = {
    Weighted{Kind::kMkdir, 8},
    Weighted{Kind::kRmdir, 4},
    Weighted{Kind::kUnlink, 7},
    Weighted{Kind::kRename, 9},
    Weighted{Kind::kLink, 5},
    Weighted{Kind::kSymlink, 4},
    Weighted{Kind::kReadlink, 2},
    Weighted{Kind::kMknod, 3},
    Weighted{Kind::kOpen, 18},
    Weighted{Kind::kClose, 12},
    Weighted{Kind::kDup, 2},
    Weighted{Kind::kRead, 4},
    Weighted{Kind::kWrite, 8},
    Weighted{Kind::kPread, 6},
    Weighted{Kind::kPwrite, 10},
    Weighted{Kind::kSeek, 3},
    Weighted{Kind::kFtruncate, 4},
    Weighted{Kind::kTruncate, 3},
    Weighted{Kind::kFsync, 2},
    Weighted{Kind::kFallocate, 2},
    Weighted{Kind::kMapWrite, 2},
    Weighted{Kind::kMapRead, 2},
    Weighted{Kind::kChmod, 4},
    Weighted{Kind::kFchmod, 2},
    Weighted{Kind::kChown, 4},
    Weighted{Kind::kFchown, 2},
    Weighted{Kind::kUtimens, 3},
    Weighted{Kind::kFutimens, 2},
    Weighted{Kind::kStat, 6},
    Weighted{Kind::kFstat, 4},
    Weighted{Kind::kAccess, 3},
    Weighted{Kind::kList, 4},
    Weighted{Kind::kListWhileRemoving, 1},
    Weighted{Kind::kStatDescriptorPath, 1},
    Weighted{Kind::kPunchHole, 3},
    Weighted{Kind::kZeroRange, 2},
    Weighted{Kind::kSetXattr, 4},
    Weighted{Kind::kFsetxattr, 2},
    Weighted{Kind::kGetXattr, 3},
    Weighted{Kind::kFgetxattr, 1},
    Weighted{Kind::kListXattr, 2},
    Weighted{Kind::kRemoveXattr, 2},
    Weighted{Kind::kOpenUnnamed, 2},
    Weighted{Kind::kLinkDescriptor, 2},
};

bool is_on_descriptor(Kind kind) {
  switch (kind) {
    case Kind::kClose:
    case Kind::kDup:
    case Kind::kRead:
    case Kind::kWrite:
    case Kind::kPread:
    case Kind::kPwrite:
    case Kind::kSeek:
    case Kind::kFtruncate:
    case Kind::kFsync:
    case Kind::kFallocate:
    case Kind::kPunchHole:
    case Kind::kZeroRange:
    case Kind::kFsetxattr:
    case Kind::kFgetxattr:
    case Kind::kMapWrite:
    case Kind::kMapRead:
    case Kind::kFchmod:
    case Kind::kFchown:
    case Kind::kFutimens:
    case Kind::kFstat: return true;
    default: return false;
  }
}

void set(char (&field)[kPathBytes], const std::string& text) {
  const size_t size = std::min(text.size(), kPathBytes - 1);
  std::memcpy(field, text.data(), size);
  field[size] = '\0';
}

}  // namespace

Generator::Generator(uint64_t seed, int actors) : random_(seed), actors_(actors) {
  for (auto& slots : open_) slots.fill(kClosed);
}

std::string Generator::name() {
  static const std::vector<std::string> kNames = {"a", "b", "c", "d", "e", "ä b", ".dot", "CAPS"};
  if (one_in(150)) return std::string(255, 'L');
  if (one_in(150)) return std::string(256, 'X');
  return kNames[below(one_in(3) ? kNames.size() : 4)];
}

std::string Generator::path() {
  std::string out = name();
  for (uint64_t deeper = below(3); deeper > 0; --deeper) out += "/" + name();
  if (one_in(60)) out += "/";
  if (one_in(60)) out += "/.";
  if (one_in(80)) out += "/..";
  if (one_in(80)) out = "./" + out;
  if (one_in(200)) out = "";
  return out;
}

std::string Generator::existing_path(Kind kind) {
  const bool of_files = kind == Kind::kOpen || kind == Kind::kTruncate || kind == Kind::kUnlink || kind == Kind::kLink;
  const bool of_directories =
      kind == Kind::kList || kind == Kind::kOpenUnnamed || kind == Kind::kListWhileRemoving || kind == Kind::kRmdir;
  const auto& paths = of_files ? files_ : of_directories ? directories_ : one_in(2) ? files_ : known_;
  if (paths.empty() || one_in(12)) return path();
  std::string out = paths[below(paths.size())];
  if (one_in(60)) out += "/";
  return out;
}

std::string Generator::new_path() {
  if (directories_.empty() || one_in(6)) return path();
  return directories_[below(directories_.size())] + "/" + name();
}

void Generator::remember(std::vector<std::string>& paths, const std::string& path) {
  if (path.size() > kLongestKnown) return;
  if (paths.size() < kMostKnown)
    paths.push_back(path);
  else
    paths[below(kMostKnown)] = path;
}

void Generator::learn(const Op& op, int error) {
  auto& slots = open_[static_cast<size_t>(op.actor)];
  if (op.kind == Kind::kClose) slots[static_cast<size_t>(op.slot)] = kClosed;
  if (op.kind == Kind::kOpenUnnamed && error == 0) slots[static_cast<size_t>(op.slot)] = op.flags;
  if (op.kind == Kind::kOpen && error == 0) slots[static_cast<size_t>(op.slot)] = op.flags;
  if (op.kind == Kind::kDup) slots[static_cast<size_t>(op.slot2)] = slots[static_cast<size_t>(op.slot)];
  if (error == ENOENT || error == ELOOP || error == ENOTDIR)
    for (auto* paths : {&known_, &files_, &directories_}) std::erase(*paths, std::string(op.path));
  if (error == EISDIR) std::erase(files_, std::string(op.path));
  if (error != 0) return;
  switch (op.kind) {
    case Kind::kMkdir: remember(directories_, op.path); [[fallthrough]];
    case Kind::kMknod: remember(known_, op.path); break;
    case Kind::kOpen:
      if (!(op.flags & O_DIRECTORY)) remember(files_, op.path);
      break;
    case Kind::kRename:
      if (std::ranges::find(files_, std::string(op.path)) != files_.end()) remember(files_, op.path2);
      if (std::ranges::find(directories_, std::string(op.path)) != directories_.end()) remember(directories_, op.path2);
      [[fallthrough]];
    case Kind::kLink:
    case Kind::kLinkDescriptor:
    case Kind::kSymlink: remember(known_, op.path2); break;
    default: break;
  }
}

uint32_t Generator::mode() {
  if (one_in(20)) return static_cast<uint32_t>(below(010000));
  static constexpr std::array<uint32_t, 8> kModes = {0644, 0755, 0777, 0777, 0666, 01777, 02775, 06755};
  return kModes[below(kModes.size())];
}

int Generator::open_flags() {
  static constexpr std::array<int, 3> kAccess = {O_RDONLY, O_WRONLY, O_RDWR};
  int flags = kAccess[below(3)] | O_NONBLOCK;  // an open of a FIFO must not wait
  if (!one_in(3)) flags |= O_CREAT;
  if (one_in(8)) flags |= O_EXCL;
  if (one_in(5)) flags |= O_TRUNC;
  if (one_in(5)) flags |= O_APPEND;
  if (one_in(20)) flags |= O_NOFOLLOW;
  if (one_in(20)) flags = O_RDONLY | O_DIRECTORY | (flags & O_NOFOLLOW);
  if (!(flags & O_CREAT)) flags &= ~O_EXCL;  // undefined without the other
  return flags;
}

int64_t Generator::offset() {
  switch (below(12)) {
    case 0: return 0;
    case 1: return static_cast<int64_t>(below(3 << 20));
    case 2: return 4096 * static_cast<int64_t>(below(40));
    case 3: return one_in(4) ? -1 : 1;
    default: return static_cast<int64_t>(below(70'000));
  }
}

int64_t Generator::length() {
  switch (below(14)) {
    case 0: return 0;
    case 1: return static_cast<int64_t>(below(2'500'000));
    case 2: return 4096;
    default: return static_cast<int64_t>(below(20'000));
  }
}

int64_t Generator::time() {
  if (one_in(4)) return kNow;
  if (one_in(4)) return kOmit;
  return static_cast<int64_t>(below(100'000'000));  // long ago: recognised when attributes are compared
}

void Generator::fill_path_call(Op& op) {
  if (is_on_descriptor(op.kind)) return;
  const bool makes = op.kind == Kind::kMkdir || op.kind == Kind::kMknod || (op.kind == Kind::kOpen && one_in(2));
  set(op.path, makes ? new_path() : existing_path(op.kind));
  switch (op.kind) {
    case Kind::kRename: {
      static constexpr std::array<int, 8> kFlags = {0, 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE, 0};
      op.flags = kFlags[below(kFlags.size())];
      set(op.path2, one_in(2) ? new_path() : existing_path(op.kind));
      break;
    }
    case Kind::kLink:
      op.flags = one_in(3) ? AT_SYMLINK_FOLLOW : 0;
      set(op.path2, new_path());
      break;
    case Kind::kSymlink: {
      std::string target = one_in(4) ? path() : name();
      while (target.find("..") != std::string::npos || target.empty()) target = name();  // never out of the tree
      set(op.path2, new_path());
      set(op.path, target);
      break;
    }
    case Kind::kMknod: {
      static constexpr std::array<uint32_t, 4> kTypes = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFIFO};
      op.mode |= kTypes[below(kTypes.size())];
      break;
    }
    case Kind::kOpen: op.flags = open_flags(); break;
    case Kind::kOpenUnnamed:
      if (!directories_.empty() && !one_in(6)) set(op.path, directories_[below(directories_.size())]);
      op.flags = one_in(8) ? O_RDONLY : one_in(2) ? O_WRONLY : O_RDWR;
      if (one_in(4)) op.flags |= O_EXCL;
      break;
    case Kind::kLinkDescriptor:
      set(op.path, "");
      set(op.path2, new_path());
      break;
    case Kind::kChown:
    case Kind::kUtimens:
    case Kind::kStat: op.flags = one_in(2) ? AT_SYMLINK_NOFOLLOW : 0; break;
    case Kind::kAccess: op.flags = static_cast<int32_t>(below(8)); break;
    default: break;
  }
}

// Mostly one that is open for what is to be done with it.
int32_t Generator::pick_slot(const Op& op) {
  const auto random = static_cast<int32_t>(below(kSlots));
  if (op.kind == Kind::kOpen || one_in(20)) return random;
  const bool reads = op.kind == Kind::kRead || op.kind == Kind::kPread || op.kind == Kind::kMapRead;
  const bool writes = op.kind == Kind::kWrite || op.kind == Kind::kPwrite || op.kind == Kind::kFtruncate ||
                      op.kind == Kind::kFallocate || op.kind == Kind::kPunchHole || op.kind == Kind::kZeroRange ||
                      op.kind == Kind::kMapWrite;
  const auto& slots = open_[static_cast<size_t>(op.actor)];
  for (int32_t i = 0; i < kSlots; ++i) {
    const int32_t slot = (random + i) % kSlots;
    const int flags = slots[static_cast<size_t>(slot)];
    if (flags == kClosed || (flags & O_DIRECTORY)) continue;
    if ((reads && (flags & O_ACCMODE) == O_WRONLY) || (writes && (flags & O_ACCMODE) == O_RDONLY)) continue;
    if (op.kind == Kind::kMapWrite && (flags & O_ACCMODE) != O_RDWR) continue;
    return slot;
  }
  return random;
}

void Generator::fill_descriptor_call(Op& op) {
  const bool has_slot =
      is_on_descriptor(op.kind) || op.kind == Kind::kOpen || op.kind == Kind::kOpenUnnamed || op.kind == Kind::kLinkDescriptor;
  if (!has_slot) return;
  op.slot = pick_slot(op);
  op.slot2 = static_cast<int32_t>(below(kSlots));
  if (op.kind == Kind::kSeek) op.flags = static_cast<int32_t>(below(3));  // SEEK_SET, SEEK_CUR, SEEK_END
  if (op.kind == Kind::kFsync) op.flags = static_cast<int32_t>(below(2));
  if (op.kind == Kind::kZeroRange) op.flags = static_cast<int32_t>(below(2));  // 1: keep the size
}

// Names of every kind; values from nothing to more than is taken.
std::string Generator::attribute() {
  static const std::vector<std::string> kNames = {"user.a",     "user.b",     "user.ä",  "user.", "trusted.a", "trusted.b",
                                                  "security.a", "security.b", "other.a", "user",  ""};
  if (one_in(100)) return "user." + std::string(one_in(2) ? 250 : 251, 'n');
  return kNames[below(one_in(4) ? kNames.size() : 3)];
}

void Generator::fill_attribute_call(Op& op) {
  switch (op.kind) {
    case Kind::kSetXattr:
    case Kind::kFsetxattr: op.flags = one_in(3) ? static_cast<int32_t>(1 + below(2)) : 0; [[fallthrough]];
    case Kind::kGetXattr:
    case Kind::kFgetxattr: {
      static constexpr std::array<int64_t, 8> kLengths = {0, 1, 10, 10, 100, 4000, 65'536, 65'537};
      op.length = kLengths[below(one_in(10) ? 8 : 6)];
      break;
    }
    case Kind::kRemoveXattr: break;
    default: return;
  }
  set(op.path2, attribute());
}

Op Generator::next() {
  unsigned total = 0;
  for (const Weighted& entry : kWeights) total += entry.weight;
  Op op;
  auto at = static_cast<unsigned>(below(total));
  for (const Weighted& entry : kWeights) {
    op.kind = entry.kind;
    if (at < entry.weight) break;
    at -= entry.weight;
  }
  op.actor = one_in(2) ? 0 : static_cast<int32_t>(below(static_cast<uint64_t>(actors_)));
  op.mode = mode();
  op.offset = offset();
  op.length = length();
  op.seed = random_();
  static constexpr std::array<int64_t, 6> kIds = {-1, 0, 65533, 65534, 1000, 65533};
  op.uid = kIds[below(kIds.size())];
  op.gid = kIds[below(kIds.size())];
  // Who may write a file may also take its set-user-id by a chown(2) that changes nothing: through a mount it looks like a write.
  if (op.actor != 0 && op.uid == -1 && op.gid == -1) op.gid = 65533;
  op.atime = time();
  op.mtime = time();
  fill_path_call(op);
  fill_descriptor_call(op);
  fill_attribute_call(op);
  return op;
}

}  // namespace posix_diff
