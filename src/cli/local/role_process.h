// One process of a local cluster as its supervisor sees it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/status.h"
#include "cli/local/directory.h"
#include "cli/local/plan.h"
#include "cli/output.h"
#include "obs/log.h"

namespace forebay::cli {

enum class RoleState : uint8_t { kStopped, kStarting, kReady, kBackoff };

// Starts, watches and ends one role. Owned by the supervisor, on its one thread. A process that already runs (its supervisor was
// killed) is taken over instead of started again. Restarts: at once after the first death, then after a pause that doubles from
// 200 ms to 10 s while it keeps dying within 10 s of its start.
class RoleProcess {
 public:
  using Clock = std::chrono::steady_clock;

  RoleProcess(const Directory& directory, RolePlan plan, std::string program, obs::Log& log);
  ~RoleProcess();
  RoleProcess(RoleProcess&& other) noexcept;
  RoleProcess& operator=(RoleProcess&&) = delete;

  Result<void> start();  // or take over; then kStarting
  // What has become of it: notices death and readiness, starts again when the pause is over and `restart` says so.
  void look(bool restart);
  void signal(int number) const;
  // The process is gone (also when it never ran).
  bool ended() const { return state_ == RoleState::kStopped || state_ == RoleState::kBackoff; }

  const RolePlan& plan() const { return plan_; }
  RoleState state() const { return state_; }
  int descriptor() const { return pidfd_; }  // readable when it ends; -1: not running
  bool failed_for_good() const { return failed_for_good_; }
  std::string last_words() const;  // of the last process: the end of what it wrote to standard error
  Json describe() const;           // one row of state.json

 private:
  Result<void> spawn();
  [[noreturn]] void become_role(int words_fd, char** arguments) const;
  void died(bool restart);
  std::string describe_exit() const;

  const Directory& directory_;
  const RolePlan plan_;
  const std::string program_;
  obs::Log& log_;
  RoleState state_ = RoleState::kStopped;
  pid_t pid_ = 0;
  int pidfd_ = -1;
  bool is_child_ = false;  // else taken over: its exit status is not ours to ask for
  bool failed_for_good_ =
      false;  // ended with a usage error before it was ever ready, or by an unmount: starting it again is no use
  int wait_status_ = 0;
  int quick_deaths_ = 0, restarts_ = 0;
  off_t words_from_ = 0;
  Clock::time_point started_, next_try_, next_probe_;
  std::string not_ready_ = "not started";
};

}  // namespace forebay::cli
