#include "cli/local/role_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "cli/exit_code.h"
#include "cli/local/pid_file.h"
#include "cli/local/probe.h"

namespace forebay::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kQuickDeath = seconds(10);
constexpr auto kFirstPause = milliseconds(200);
constexpr auto kMostPause = milliseconds(10'000);
constexpr auto kProbeStarting = milliseconds(20);
constexpr auto kProbeReady = seconds(2);
constexpr off_t kMostWords = 1 << 20;  // bytes: a larger file of last words is begun anew

RoleProcess::Clock::duration pause_after(int quick_deaths) {
  if (quick_deaths <= 1) return milliseconds(0);
  auto pause = kFirstPause * (1 << std::min(quick_deaths - 2, 10));
  return std::min<milliseconds>(pause, kMostPause);
}

const char* state_name(RoleState state) {
  switch (state) {
    case RoleState::kStopped: return "stopped";
    case RoleState::kStarting: return "starting";
    case RoleState::kReady: return "ready";
    case RoleState::kBackoff: return "waiting";
  }
  return "";
}

}  // namespace

RoleProcess::RoleProcess(const Directory& directory, RolePlan plan, std::string program, obs::Log& log)
    : directory_(directory), plan_(std::move(plan)), program_(std::move(program)), log_(log) {}

RoleProcess::RoleProcess(RoleProcess&& other) noexcept
    : directory_(other.directory_),
      plan_(other.plan_),
      program_(other.program_),
      log_(other.log_),
      state_(other.state_),
      pid_(other.pid_),
      pidfd_(std::exchange(other.pidfd_, -1)),
      is_child_(other.is_child_) {}

RoleProcess::~RoleProcess() {
  if (pidfd_ >= 0) close(pidfd_);
}

Result<void> RoleProcess::start() {
  started_ = Clock::now();
  next_probe_ = started_;
  not_ready_ = "starting";
  pidfd_ = open_holder(directory_.pid_file(plan_.name), &pid_);
  is_child_ = pidfd_ < 0;
  if (is_child_) TRY(spawn());
  state_ = RoleState::kStarting;
  log_.info(is_child_ ? "role started" : "role taken over", {{"name", plan_.name}, {"pid", pid_}});
  return {};
}

Result<void> RoleProcess::spawn() {
  std::string words = directory_.words_file(plan_.name);
  struct stat status{};
  if (stat(words.c_str(), &status) == 0 && status.st_size > kMostWords) rename(words.c_str(), (words + ".1").c_str());
  int fd = open(words.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return from_errno(errno, "opening " + words);
  words_from_ = lseek(fd, 0, SEEK_END);
  std::vector<char*> arguments{const_cast<char*>(program_.c_str())};
  for (const std::string& argument : plan_.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = fork();
  if (child == 0) become_role(fd, arguments.data());
  int error = errno;
  close(fd);
  if (child < 0) return from_errno(error, "starting " + plan_.name);
  pid_ = child;
  pidfd_ = open_process(child);
  if (pidfd_ < 0) return from_errno(errno, "watching " + plan_.name);
  return {};
}

// Between fork and exec: nothing that allocates.
void RoleProcess::become_role(int words_fd, char** arguments) const {
  setpgid(0, 0);  // Ctrl-C on the terminal is for the supervisor, which stops the roles in order
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(words_fd, STDOUT_FILENO);
  dup2(words_fd, STDERR_FILENO);
  execv(program_.c_str(), arguments);
  dprintf(STDERR_FILENO, "forebay: %s cannot be executed: %s\n", program_.c_str(), strerror(errno));
  _exit(kExitUsage);
}

void RoleProcess::look(bool restart) {
  Clock::time_point now = Clock::now();
  // Nobody would stop it again: whoever stops the roles goes through them once.
  if (state_ == RoleState::kBackoff && !restart) state_ = RoleState::kStopped;
  if (state_ == RoleState::kBackoff && now >= next_try_) {
    ++restarts_;
    if (Result<void> started = start(); !started) {
      log_.error("role cannot be started", {{"name", plan_.name}, {"error", started.error().to_string()}});
      next_try_ = now + kMostPause;
    }
  }
  if (state_ != RoleState::kStarting && state_ != RoleState::kReady) return;
  pollfd gone{pidfd_, POLLIN, 0};
  if (poll(&gone, 1, 0) > 0) {
    if (is_child_) waitpid(pid_, &wait_status_, 0);
    return died(restart);
  }
  if (now < next_probe_) return;
  not_ready_ = readiness_of(plan_.web_port);
  bool was_ready = state_ == RoleState::kReady;
  state_ = not_ready_.empty() ? RoleState::kReady : RoleState::kStarting;
  next_probe_ = now + (state_ == RoleState::kReady ? Clock::duration(kProbeReady) : Clock::duration(kProbeStarting));
  if (was_ready != (state_ == RoleState::kReady))
    log_.info(was_ready ? "role is no longer ready" : "role is ready", {{"name", plan_.name}, {"reason", not_ready_}});
}

void RoleProcess::died(bool restart) {
  close(std::exchange(pidfd_, -1));
  bool was_ready = state_ == RoleState::kReady;
  bool clean = is_child_ && WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0;
  bool unusable = is_child_ && WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == kExitUsage && !was_ready && restarts_ == 0;
  quick_deaths_ = Clock::now() - started_ < kQuickDeath ? quick_deaths_ + 1 : 1;
  failed_for_good_ = clean || unusable;
  not_ready_ = describe_exit();
  bool again = restart && !failed_for_good_;
  state_ = again ? RoleState::kBackoff : RoleState::kStopped;
  next_try_ = Clock::now() + pause_after(quick_deaths_);
  log_.warning("role ended", {{"name", plan_.name}, {"pid", pid_}, {"how", not_ready_}, {"restart", again ? "yes" : "no"}});
  pid_ = 0;
}

std::string RoleProcess::describe_exit() const {
  if (!is_child_) return "ended";
  if (WIFSIGNALED(wait_status_)) return std::string("killed by ") + strsignal(WTERMSIG(wait_status_));
  int code = WEXITSTATUS(wait_status_);
  if (code == 0 && plan_.name == "fuse") return "unmounted by somebody else";
  return "ended with exit code " + std::to_string(code);
}

void RoleProcess::signal(int number) const {
  if (pidfd_ >= 0) signal_process(pidfd_, number);
}

std::string RoleProcess::last_words() const {
  std::string path = directory_.words_file(plan_.name);
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  off_t end = lseek(fd, 0, SEEK_END);
  off_t from = std::max(words_from_, end - 2000);
  std::string text(static_cast<size_t>(std::max<off_t>(end - from, 0)), '\0');
  ssize_t got = pread(fd, text.data(), text.size(), from);
  close(fd);
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Json RoleProcess::describe() const {
  return {{"name", plan_.name},          {"pid", pid_},
          {"state", state_name(state_)}, {"rpc_port", plan_.rpc_port},
          {"web_port", plan_.web_port},  {"restarts", restarts_},
          {"reason", not_ready_},        {"words", ended() ? last_words() : ""}};
}

}  // namespace forebay::cli
