#include "cli/local/pid_file.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace forebay::cli {
namespace {

struct flock whole_file() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<std::unique_ptr<PidFile>> PidFile::take(const std::string& path) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return from_errno(errno, "pid file " + path);
  struct flock lock = whole_file();
  if (fcntl(fd, F_SETLK, &lock) != 0) {
    int error = errno;
    close(fd);
    if (error != EAGAIN && error != EACCES) return from_errno(error, "locking the pid file " + path);
    std::optional<pid_t> holder = pid_file_holder(path);
    return rejected(EEXIST,
                    path + " is held by " + (holder ? "pid " + std::to_string(*holder) : "another process") + ", which runs");
  }
  std::unique_ptr<PidFile> file(new PidFile(path, fd));
  std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return from_errno(errno, "writing the pid file " + path);
  return file;
}

PidFile::~PidFile() {
  unlink(path_.c_str());
  close(fd_);
}

std::optional<pid_t> pid_file_holder(const std::string& path) {
  int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct flock lock = whole_file();
  int result = fcntl(fd, F_GETLK, &lock);
  close(fd);
  if (result != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

int open_holder(const std::string& path, pid_t* pid) {
  std::optional<pid_t> holder = pid_file_holder(path);
  if (!holder) return -1;
  int fd = open_process(*holder);
  if (fd < 0) return -1;
  // It may have ended, and its number been given away, before the descriptor was open; while it holds the file it has not.
  if (pid_file_holder(path) != holder) {
    close(fd);
    return -1;
  }
  *pid = *holder;
  return fd;
}

int open_process(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

void signal_process(int descriptor, int number) { syscall(SYS_pidfd_send_signal, descriptor, number, nullptr, 0); }

}  // namespace forebay::cli
