#include "fuse/mount_point.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

extern char** environ;

namespace forebay::fuse {

namespace {

constexpr int kMostStackedDeadMounts = 16;

struct MountEntry {
  std::string device;  // "0:45"
  std::string type;
};

// /proc writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
    i += 3;
  }
  return out;
}

// The last, that is topmost, mount at the path.
Result<std::optional<MountEntry>> find_mount(const std::string& path) {
  std::ifstream table("/proc/self/mountinfo");
  if (!table) return from_errno(errno, "read /proc/self/mountinfo");
  std::optional<MountEntry> found;
  for (std::string line; std::getline(table, line);) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
    std::istringstream fields(line);
    std::string id, parent, device, root, point, word, type;
    fields >> id >> parent >> device >> root >> point;
    while (fields >> word && word != "-") {
    }
    fields >> type;
    if (unescape(point) == path) found = MountEntry{device, type};
  }
  return found;
}

// Absolute, without links in the directory part. The last component is left alone: it may be a dead mount, which answers nothing.
Result<std::string> absolute_path(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  if (trimmed.empty()) return invalid("no mount point is given");
  const size_t slash = trimmed.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : trimmed.substr(0, std::max<size_t>(slash, 1));
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return invalid("'" + path + "' cannot be a mount point: name a directory");
  std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(folder.c_str(), nullptr), &std::free);
  if (!resolved) return from_errno(errno, "mount point " + path + " does not exist; create it with: mkdir -p " + path);
  std::string absolute = resolved.get();
  if (absolute != "/") absolute += '/';
  return absolute + name;
}

// 0, or why the directory cannot be opened. Opening asks the daemon of a mount, and only the daemon: looking at the directory
// could be answered from the kernel's cache a while after the daemon's death.
int probe(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

// A process mounts over what others have open, but what it hides, people miss.
Result<void> refuse_files(const std::string& path) {
  DIR* raw = ::opendir(path.c_str());
  if (raw == nullptr) return from_errno(errno, "list mount point " + path);
  const std::unique_ptr<DIR, decltype(&::closedir)> directory(raw, &::closedir);
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    return rejected(ENOTEMPTY, "mount point " + path + " is not empty (it holds '" + std::string(name) +
                                   "'), and a mount would hide that; use an empty directory");
  }
  return {};
}

Result<void> run_fusermount(const std::string& path, Unmount how) {
  std::array<const char*, 6> arguments{"fusermount3", "-u", "-q", "--", path.c_str(), nullptr};
  std::array<const char*, 7> lazy{"fusermount3", "-u", "-q", "-z", "--", path.c_str(), nullptr};
  char* const* argv = const_cast<char* const*>(how == Unmount::kDetach ? lazy.data() : arguments.data());
  pid_t child = 0;
  if (const int error = ::posix_spawnp(&child, "fusermount3", nullptr, nullptr, argv, environ); error != 0)
    return from_errno(error, "run fusermount3 (package fuse3)");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return rejected(EBUSY, "fusermount3 could not unmount " + path);
}

}  // namespace

Result<std::string> mounted_type(const std::string& path) {
  ASSIGN_OR_RETURN(auto found, find_mount(path));
  return found ? found->type : std::string();
}

Result<void> unmount(const std::string& path, Unmount how) {
  const int flags = UMOUNT_NOFOLLOW | (how == Unmount::kDetach ? MNT_DETACH : 0);
  if (::umount2(path.c_str(), flags) == 0) return {};
  if (errno == EPERM) return run_fusermount(path, how);
  return from_errno(errno, "unmount " + path);
}

Result<void> detach_if_dead(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string type, mounted_type(path));
  if (type != kMountType || probe(path) != ENOTCONN) return {};
  return unmount(path, Unmount::kDetach);
}

Result<std::string> prepare_mount_point(const std::string& path, obs::Log& log) {
  ASSIGN_OR_RETURN(std::string point, absolute_path(path));
  int error = probe(point);
  for (int i = 0; i < kMostStackedDeadMounts && error == ENOTCONN; ++i) {
    TRY(unmount(point, Unmount::kDetach));
    log.warning("detached a dead mount left by a daemon that was killed", {{"mount_point", point}});
    error = probe(point);
  }
  if (error == ENOENT) return rejected(ENOENT, "mount point " + point + " does not exist; create it with: mkdir -p " + point);
  if (error == ENOTDIR) return rejected(ENOTDIR, "mount point " + point + " is not a directory");
  if (error == ENOTCONN)
    return rejected(ENOTCONN, "mount point " + point + " is a dead mount that cannot be detached; run: umount -l " + point);
  if (error != 0) return from_errno(error, "open mount point " + point);
  if (std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(point.c_str(), nullptr), &std::free); resolved)
    point = resolved.get();
  ASSIGN_OR_RETURN(const std::string type, mounted_type(point));
  if (type == kMountType)
    return rejected(EBUSY, "Forebay is already mounted at " + point + "; stop it first, or use another directory");
  if (type.starts_with("fuse"))
    return rejected(EBUSY, "a file system of type " + type + " is already mounted at " + point + "; unmount it first");
  TRY(refuse_files(point));
  return point;
}

Result<void> check_device(const char* device) {
  const int fd = ::open(device, O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  const int error = errno;
  const std::string name = device;
  if (error == ENOENT || error == ENODEV || error == ENXIO)
    return rejected(error, "there is no " + name +
                               ": load the kernel module (modprobe fuse); in a container, start it with --device " + name +
                               " --cap-add SYS_ADMIN");
  if (error == EACCES || error == EPERM)
    return rejected(error, "no permission to open " + name + ": run as root, or let this user read and write it (chmod 666 " +
                               name + "); in a container, start it with --device " + name + " --cap-add SYS_ADMIN");
  return from_errno(error, "open " + name);
}

void set_readahead(const std::string& path, uint32_t bytes, obs::Log& log) {
  auto found = find_mount(path);
  if (!found || !*found) return;
  const std::string setting = "/sys/class/bdi/" + (*found)->device + "/read_ahead_kb";
  const int fd = ::open(setting.c_str(), O_WRONLY | O_CLOEXEC);
  const std::string value = std::to_string(bytes / 1024);
  const bool written = fd >= 0 && ::write(fd, value.data(), value.size()) == std::ssize(value);
  if (fd >= 0) ::close(fd);
  if (!written) log.info("readahead stays at the kernel's default", {{"setting", setting}});
}

}  // namespace forebay::fuse
