#include "cli/local/pid_file.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace forebay::cli {
namespace {

struct flock whole_file() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// SIGKILL was sent, or the kernel is taking it apart already.
bool is_dying(pid_t pid) {
  constexpr unsigned long kExiting = 4;  // PF_EXITING of the kernel's task flags, the 9th field of stat(5)
  const std::string base = "/proc/" + std::to_string(pid);
  const std::string stat = content_of(base + "/stat");
  if (size_t name_end = stat.rfind(')'); name_end != std::string::npos) {
    std::istringstream fields(stat.substr(name_end + 1));
    std::string skipped;
    for (int i = 0; i < 6; ++i) fields >> skipped;
    unsigned long flags = 0;
    if (fields >> flags && (flags & kExiting) != 0) return true;
  }
  std::istringstream status(content_of(base + "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigPnd:") || line.starts_with("ShdPnd:"))
      if ((std::strtoull(line.c_str() + 7, nullptr, 16) >> (SIGKILL - 1) & 1) != 0) return true;
  return false;
}

}  // namespace

void wait_while_dying(const std::string& path, std::chrono::milliseconds most) {
  const pid_t pid = std::atoi(content_of(path).c_str());
  const int fd = pid > 0 ? open_process(pid) : -1;
  if (fd < 0) return;
  pollfd gone{fd, POLLIN, 0};
  if (is_dying(pid)) poll(&gone, 1, static_cast<int>(most.count()));
  close(fd);
}

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
