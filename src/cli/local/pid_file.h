// Pid files that cannot lie: the kernel's record lock on the file, not the number in it, says who lives.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"

namespace forebay::cli {

// Held by the process that the file is about, from start to end. The file holds the pid and a newline. Removed at an orderly end;
// after a crash it stays, without a holder. The lock belongs to the process: nothing else in it may open and close the same file.
class PidFile {
 public:
  // `rejected` EEXIST, naming the holder, when another process has it.
  static Result<std::unique_ptr<PidFile>> take(const std::string& path);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  PidFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

// The living process that holds the file; nothing when there is none (never a pid that was recycled).
std::optional<pid_t> pid_file_holder(const std::string& path);

// A descriptor that becomes readable when that process ends (pidfd), for the holder; -1 when there is none. The caller closes it.
int open_holder(const std::string& path, pid_t* pid);

// Waits while the process that the file names, holder or not, has been killed and is not quite gone: until then it may keep its
// ports. Returns at once for one that lives or is gone, and after `most` in any case.
void wait_while_dying(const std::string& path, std::chrono::milliseconds most);

// pidfd_open(2) and pidfd_send_signal(2).
int open_process(pid_t pid);  // -1 when there is no such process
void signal_process(int descriptor, int number);

}  // namespace forebay::cli
