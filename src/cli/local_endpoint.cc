#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/endpoint.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

int64_t nanos(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }
timespec to_timespec(int64_t unix_nanos) {
  int64_t seconds = unix_nanos / 1'000'000'000, rest = unix_nanos % 1'000'000'000;
  if (rest < 0) --seconds, rest += 1'000'000'000;
  return {seconds, rest};
}

v1::FileType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return v1::FILE_TYPE_REGULAR;
    case S_IFDIR: return v1::FILE_TYPE_DIRECTORY;
    case S_IFLNK: return v1::FILE_TYPE_SYMLINK;
    case S_IFIFO: return v1::FILE_TYPE_FIFO;
    case S_IFSOCK: return v1::FILE_TYPE_SOCKET;
    case S_IFCHR: return v1::FILE_TYPE_CHARACTER;
    default: return v1::FILE_TYPE_BLOCK;
  }
}

Node node_of(const struct stat& status) {
  return {.type = type_of(status.st_mode),
          .mode = status.st_mode & 07777,
          .uid = status.st_uid,
          .gid = status.st_gid,
          .size = static_cast<uint64_t>(status.st_size),
          .atime_ns = nanos(status.st_atim),
          .mtime_ns = nanos(status.st_mtim),
          .target = {},
          .device = status.st_dev,
          .inode = status.st_ino};
}

class LocalFile final : public OpenedFile {
 public:
  LocalFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~LocalFile() override {
    if (fd_ >= 0) close(fd_);
  }
  Result<size_t> read_at(MutableBytes into, uint64_t offset) override {
    size_t done = 0;
    while (done < into.size()) {
      ssize_t got = pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return from_errno(errno, path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }
  Result<void> write_at(Bytes data, uint64_t offset) override {
    for (size_t done = 0; done < data.size();) {
      ssize_t put = pwrite(fd_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return from_errno(errno, path_);
      done += static_cast<size_t>(put);
    }
    return {};
  }
  Result<void> finish() override {
    if (close(std::exchange(fd_, -1)) != 0) return from_errno(errno, path_);
    return {};
  }

 private:
  const std::string path_;
  int fd_;
};

class LocalEndpoint final : public Endpoint {
 public:
  Result<std::optional<Node>> look(const std::string& path, bool follow) override {
    struct stat status{};
    int result = follow ? stat(path.c_str(), &status) : lstat(path.c_str(), &status);
    if (result != 0 && errno == ENOENT) return std::optional<Node>{};
    if (result != 0) return from_errno(errno, path);
    Node node = node_of(status);
    if (node.type == v1::FILE_TYPE_SYMLINK) {
      char target[4096];
      ssize_t length = readlink(path.c_str(), target, sizeof target);
      if (length < 0) return from_errno(errno, path);
      node.target.assign(target, static_cast<size_t>(length));
    }
    return std::optional<Node>(std::move(node));
  }
  Result<void> list(const std::string& path, const std::function<Result<void>(const std::string&, const Node&)>& each) override {
    std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    if (!directory) return from_errno(errno, path);
    for (errno = 0; const dirent* entry = readdir(directory.get()); errno = 0) {
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      ASSIGN_OR_RETURN(std::optional<Node> node, look(join_path(path, name), false));
      if (node) TRY(each(name, *node));  // else removed meanwhile
    }
    if (errno != 0) return from_errno(errno, path);
    return {};
  }
  Result<void> make_directory(const std::string& path, uint32_t mode) override { return done(mkdir(path.c_str(), mode), path); }
  Result<void> make_link(const std::string& path, const std::string& target) override {
    return done(symlink(target.c_str(), path.c_str()), path);
  }
  Result<std::unique_ptr<OpenedFile>> open(const std::string& path) override { return opened(path, O_RDONLY, 0); }
  Result<std::unique_ptr<OpenedFile>> create(const std::string& path, uint32_t mode, Existing existing) override {
    return opened(path, O_RDWR | O_CREAT | (existing == Existing::kRefuse ? O_EXCL : O_TRUNC), mode);
  }
  Result<void> remove(const std::string& path) override { return done(unlink(path.c_str()), path); }
  Result<void> remove_directory(const std::string& path) override { return done(rmdir(path.c_str()), path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return done(::rename(from.c_str(), to.c_str()), from + " to " + to);
  }
  Result<void> set_attributes(const std::string& path, const Node& node) override {
    if (lchown(path.c_str(), node.uid, node.gid) != 0 && errno != EPERM) return from_errno(errno, path);
    if (node.type != v1::FILE_TYPE_SYMLINK) TRY(done(chmod(path.c_str(), node.mode), path));
    timespec times[] = {to_timespec(node.atime_ns), to_timespec(node.mtime_ns)};
    return done(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
  }

 private:
  static Result<void> done(int result, const std::string& path) {
    if (result != 0) return from_errno(errno, path);
    return {};
  }
  static Result<std::unique_ptr<OpenedFile>> opened(const std::string& path, int flags, uint32_t mode) {
    int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return from_errno(errno, path);
    return std::make_unique<LocalFile>(path, fd);
  }
};

}  // namespace

std::unique_ptr<Endpoint> local_endpoint() { return std::make_unique<LocalEndpoint>(); }

}  // namespace forebay::cli
