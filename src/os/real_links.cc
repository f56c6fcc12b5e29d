#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/links.h"

namespace forebay::os {
namespace {

// A descriptor that is closed unless it is handed on.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error failed(const std::string& root, const std::string& below, int error) {
  // ELOOP and EXDEV: a link, or a way out.
  if (error == ELOOP || error == EXDEV) error = ENOENT;
  return from_errno(error, "open '" + root + "/" + below + "'");
}

// Where the kernel, or what confines this process, has no openat2: one component at a time, none of which may be a link.
Result<Descriptor> open_by_steps(const std::string& root, const std::string& below, int flags) {
  Descriptor at(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return failed(root, below, errno);
  for (size_t begin = 0;;) {
    const size_t end = below.find('/', begin);
    const bool is_last = end == std::string::npos;
    const std::string name = below.substr(begin, is_last ? end : end - begin);
    const int step = is_last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW;
    Descriptor next(::openat(at.get(), name.c_str(), step | O_CLOEXEC));
    if (next.get() < 0) return failed(root, below, errno);
    struct stat status;
    if (::fstat(next.get(), &status) < 0) return failed(root, below, errno);
    if (S_ISLNK(status.st_mode)) return failed(root, below, ELOOP);
    if (is_last) return next;
    at = std::move(next);
    begin = end + 1;
  }
}

Result<Descriptor> open_below(const std::string& root, const std::string& below, int flags) {
  const Descriptor at(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return failed(root, below, errno);
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long fd = ::syscall(SYS_openat2, at.get(), below.c_str(), &how, sizeof how);
  if (fd >= 0) return Descriptor(static_cast<int>(fd));
  if (errno == ENOSYS || errno == EPERM) return open_by_steps(root, below, flags);
  return failed(root, below, errno);
}

class RealLinks final : public Links {
 public:
  Result<FileStatus> status(const std::string& root, const std::string& below) override {
    ASSIGN_OR_RETURN(const Descriptor file, open_below(root, below, O_PATH));
    struct stat status;
    if (::fstat(file.get(), &status) < 0) return failed(root, below, errno);
    return FileStatus{.inode = status.st_ino,
                      .size = static_cast<uint64_t>(status.st_size),
                      .mtime_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
                      .mode = status.st_mode & 07777,
                      .uid = status.st_uid,
                      .gid = status.st_gid,
                      .is_directory = S_ISDIR(status.st_mode),
                      .is_regular = S_ISREG(status.st_mode)};
  }
  // Without waiting for whoever is at the other end of a FIFO.
  Result<std::unique_ptr<File>> open(FileSystem& files, const std::string& root, const std::string& below) override {
    ASSIGN_OR_RETURN(Descriptor file, open_below(root, below, O_RDONLY | O_NONBLOCK));
    return files.adopt(file.release());
  }
};

}  // namespace

Links& real_links() {
  static RealLinks links;
  return links;
}

}  // namespace forebay::os
