// Files of the operating system.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "os/file.h"

namespace forebay::os {
namespace {

std::string about(std::string_view doing, const std::string& path) {
  std::string text{doing};
  text += " '";
  text += path;
  text += '\'';
  return text;
}

Error failed(std::string_view doing, const std::string& path) { return from_errno(errno, about(doing, path)); }

template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

FileStatus status_of(const struct stat& status) {
  return {.inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .mtime_ns = status.st_mtim.tv_sec * 1'000'000'000L + status.st_mtim.tv_nsec,
          .mode = status.st_mode & 07777,
          .uid = status.st_uid,
          .gid = status.st_gid,
          .is_directory = S_ISDIR(status.st_mode),
          .is_regular = S_ISREG(status.st_mode)};
}

timespec time_of(int64_t nanos) {
  int64_t seconds = nanos / 1'000'000'000, rest = nanos % 1'000'000'000;
  if (rest < 0) rest += 1'000'000'000, --seconds;
  return {.tv_sec = seconds, .tv_nsec = rest};
}

class RealFile final : public File {
 public:
  RealFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~RealFile() override { ::close(fd_); }
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;

  Result<size_t> read_at(MutableBytes into, uint64_t offset) override {
    size_t done = 0;
    while (done < into.size()) {
      ssize_t got =
          uninterrupted([&] { return ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done)); });
      if (got < 0) return failed("read", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<void> write_at(Bytes data, uint64_t offset) override {
    size_t done = 0;
    while (done < data.size()) {
      ssize_t put =
          uninterrupted([&] { return ::pwrite(fd_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done)); });
      if (put < 0) return failed("write", path_);
      if (put == 0) return from_errno(ENOSPC, about("write", path_));
      done += static_cast<size_t>(put);
    }
    return {};
  }

  // Never repeated after a failure: the kernel marks the pages clean, and a second call would report success for lost bytes.
  Result<void> sync_data() override {
    if (uninterrupted([&] { return ::fdatasync(fd_); }) < 0) return failed("sync", path_);
    return {};
  }

  Result<void> sync_all() override {
    if (uninterrupted([&] { return ::fsync(fd_); }) < 0) return failed("sync", path_);
    return {};
  }

  Result<void> truncate(uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) < 0) return failed("truncate", path_);
    return {};
  }

  Result<void> allocate(uint64_t offset, uint64_t length) override {
    if (length == 0) return {};
    int result = uninterrupted(
        [&] { return ::fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length)); });
    if (result < 0) return failed("reserve space in", path_);
    return {};
  }

  Result<uint64_t> size() override {
    ASSIGN_OR_RETURN(struct stat status, stat());
    return static_cast<uint64_t>(status.st_size);
  }

  Result<uint64_t> allocated_bytes() override {
    ASSIGN_OR_RETURN(struct stat status, stat());
    return static_cast<uint64_t>(status.st_blocks) * 512;  // st_blocks counts 512 bytes whatever the block size is
  }

  Result<FileStatus> status() override {
    ASSIGN_OR_RETURN(struct stat status, stat());
    return status_of(status);
  }

  Result<std::optional<StoredRange>> next_stored(uint64_t from) override {
    const off_t begin = ::lseek(fd_, static_cast<off_t>(from), SEEK_DATA);
    if (begin < 0 && errno == ENXIO) return std::nullopt;
    if (begin < 0) return failed("look for data in", path_);
    const off_t end = ::lseek(fd_, begin, SEEK_HOLE);
    if (end < 0 && errno == ENXIO) return std::nullopt;  // cut meanwhile
    if (end < 0) return failed("look for holes in", path_);
    return StoredRange{static_cast<uint64_t>(begin), static_cast<uint64_t>(end)};
  }

  // A read lease is given only while nobody can write. It is taken back at once; an open for writing that comes in between waits
  // for that, and has a signal sent which by default does nothing.
  Result<bool> has_writers() override {
    if (::fcntl(fd_, F_SETSIG, SIGURG) < 0) return failed("ask for writers of", path_);
    if (::fcntl(fd_, F_SETLEASE, F_RDLCK) == 0) {
      ::fcntl(fd_, F_SETLEASE, F_UNLCK);
      return false;
    }
    if (errno == EAGAIN) return true;
    if (errno == EINVAL || errno == EACCES) return from_errno(EOPNOTSUPP, about("ask for writers of", path_));
    return failed("ask for writers of", path_);
  }

  int descriptor() const override { return fd_; }

 private:
  Result<struct stat> stat() {
    struct stat status;
    if (::fstat(fd_, &status) < 0) return failed("stat", path_);
    return status;
  }

  const int fd_;
  const std::string path_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew: return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_directory(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int fd = uninterrupted([&] { return ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0600); });
    if (fd < 0) return failed("open", path);
    auto file = std::make_unique<RealFile>(fd, path);
    if (mode == OpenMode::kRead) {
      struct stat status;
      if (::fstat(fd, &status) < 0) return failed("open", path);
      if (S_ISDIR(status.st_mode)) return from_errno(EISDIR, about("open", path));
    }
    return file;
  }

  Result<std::unique_ptr<File>> adopt(int descriptor) override {
    const std::string name = "received descriptor " + std::to_string(descriptor);
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) return failed("adopt", name);
    return std::make_unique<RealFile>(descriptor, name);
  }

  Result<std::unique_ptr<File>> reopen(int descriptor) override {
    return open("/proc/self/fd/" + std::to_string(descriptor), OpenMode::kRead);
  }

  Result<void> make_directories(const std::string& path) override {
    for (size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      std::string part = path.substr(0, end);
      if (part.empty() || ::mkdir(part.c_str(), 0700) == 0) continue;
      if (errno != EEXIST) return failed("make directory", part);
      if (!is_directory(part)) return from_errno(ENOTDIR, about("make directory", part));
    }
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return {};
    if (errno != EISDIR) return failed("remove", path);
    if (::rmdir(path.c_str()) < 0) return failed("remove", path);
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return failed("rename '" + from + "' to", to);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    int fd = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return failed("open directory", path);
    int result = uninterrupted([&] { return ::fsync(fd); });
    int error = errno;
    ::close(fd);
    if (result < 0) return from_errno(error, about("sync directory", path));
    return {};
  }

  Result<void> list(const std::string& path, const std::function<bool(const DirectoryEntry&)>& each) override {
    std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
    if (!directory) return failed("list", path);
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (!entry) {
        if (errno != 0) return failed("list", path);
        return {};
      }
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      bool directory_entry = entry->d_type == DT_DIR || (entry->d_type == DT_UNKNOWN && is_directory(path + "/" + name));
      if (!each({std::move(name), directory_entry})) return {};
    }
  }

  Result<bool> exists(const std::string& path) override {
    struct stat status;
    if (::lstat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed("look for", path);
  }

  Result<FileStatus> status(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) < 0) return failed("stat", path);
    return status_of(status);
  }

  Result<void> change_status(const std::string& path, const StatusChange& change) override {
    if (change.uid || change.gid) {
      const uid_t uid = change.uid ? *change.uid : static_cast<uid_t>(-1);
      const gid_t gid = change.gid ? *change.gid : static_cast<gid_t>(-1);
      if (::chown(path.c_str(), uid, gid) < 0) return failed("change the owner of", path);
    }
    // After the owner: changing that takes the set-user-id bit away.
    if (change.mode && ::chmod(path.c_str(), *change.mode & 07777) < 0) return failed("change the mode of", path);
    if (change.mtime_ns) {
      const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, time_of(*change.mtime_ns)};
      if (::utimensat(AT_FDCWD, path.c_str(), times, 0) < 0) return failed("change the time of", path);
    }
    return {};
  }

  Result<void> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) < 0) return failed("link '" + from + "' to", to);
    return {};
  }

  Result<std::string> attribute(const std::string& path, const std::string& name) override {
    std::string value(64 << 10, '\0');  // the most that Linux keeps
    ssize_t got = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (got < 0) return failed("read attribute " + name + " of", path);
    value.resize(static_cast<size_t>(got));
    return value;
  }

  Result<void> set_attribute(const std::string& path, const std::string& name, std::string_view value) override {
    if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) < 0)
      return failed("set attribute " + name + " of", path);
    return {};
  }

  Result<Space> space(const std::string& path) override {
    struct statvfs status;
    if (uninterrupted([&] { return ::statvfs(path.c_str(), &status); }) < 0) return failed("ask for space at", path);
    return Space{status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize};
  }

  Result<std::unique_ptr<File>> lock(const std::string& path) override {
    ASSIGN_OR_RETURN(std::unique_ptr<File> file, open(path, OpenMode::kCreate));
    if (uninterrupted([&] { return ::flock(file->descriptor(), LOCK_EX | LOCK_NB); }) < 0) return failed("lock", path);
    return file;
  }
};

}  // namespace

FileSystem& real_files() {
  static RealFileSystem files;
  return files;
}

}  // namespace forebay::os
