#include "cli/local/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/local/prepare_persistence.h"
#include "fuse/mount_point.h"
#include "os/file.h"

namespace forebay::cli {
namespace {

using Clock = RoleProcess::Clock;
using std::chrono::seconds;

constexpr auto kReadyWithin = seconds(60);
constexpr auto kStopWithin = seconds(30);             // then SIGKILL
constexpr int kTurnStarting = 20, kTurnSteady = 500;  // milliseconds

Result<int> signal_descriptor() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, number);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return from_errno(errno, "blocking signals");
  int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return from_errno(errno, "waiting for signals");
  return fd;
}

Result<std::string> own_program() {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0) return from_errno(errno, "finding this program's file");
  return std::string(path, static_cast<size_t>(length));
}

}  // namespace

Supervisor::Supervisor(Directory directory, const config::Settings& settings, obs::Log& log, std::unique_ptr<PidFile> pid_file)
    : directory_(std::move(directory)), settings_(settings), log_(log), pid_file_(std::move(pid_file)) {}

Supervisor::~Supervisor() {
  if (signals_ >= 0) close(signals_);
}

Result<std::unique_ptr<Supervisor>> Supervisor::make(Directory directory, const config::Settings& settings, obs::Log& log) {
  ASSIGN_OR_RETURN(std::unique_ptr<PidFile> pid_file, PidFile::take(directory.pid_file("supervisor")));
  std::unique_ptr<Supervisor> supervisor(new Supervisor(std::move(directory), settings, log, std::move(pid_file)));
  ASSIGN_OR_RETURN(supervisor->signals_, signal_descriptor());
  ASSIGN_OR_RETURN(std::string program, own_program());
  ASSIGN_OR_RETURN(Plan plan, make_plan(supervisor->directory_, settings));
  supervisor->mount_ = plan.mount;
  supervisor->ufs_ = plan.ufs;
  supervisor->mapping_ = plan.mapping;
  for (RolePlan& role : plan.roles) supervisor->roles_.emplace_back(supervisor->directory_, std::move(role), program, log);
  return supervisor;
}

Result<void> Supervisor::run() {
  write_state("starting", "");
  Result<void> result = bring_up();
  if (result && !stopping_) result = keep();
  std::string problem = result ? "" : result.error().message();
  if (!problem.empty()) log_.error("the cluster cannot run", {{"error", problem}});
  write_state("stopping", problem);
  stop_all();
  write_state(problem.empty() ? "stopped" : "failed", problem);
  return result;
}

// The workers come up side by side; the mount last, so that what it shows can be used.
Result<void> Supervisor::bring_up() {
  TRY(bring_up("master"));
  if (!stopping_) TRY(prepare_namespace(settings_));
  TRY(bring_up("worker"));
  if (!stopping_) TRY(prepare_persistence(directory_, settings_, log_));
  TRY(bring_up("coordinator"));
  return bring_up("fuse");
}

Result<void> Supervisor::bring_up(std::string_view kind) {
  for (RoleProcess& role : roles_)
    if (role.plan().name.starts_with(kind) && !stopping_) TRY(role.start());
  for (RoleProcess& role : roles_)
    if (role.plan().name.starts_with(kind) && !stopping_) TRY(wait_until_ready(role));
  return {};
}

Result<void> Supervisor::wait_until_ready(RoleProcess& role) {
  for (Clock::time_point limit = Clock::now() + kReadyWithin; role.state() != RoleState::kReady;) {
    if (turn(kTurnStarting)) return {};
    std::string words = role.last_words();
    std::string said = words.empty() ? "" : ":\n" + words;
    if (role.failed_for_good()) return invalid(role.plan().name + " cannot start" + said);
    if (Clock::now() > limit)
      return invalid(role.plan().name + " did not get ready within " + std::to_string(kReadyWithin.count()) + " s; see " +
                     directory_.log_file(role.plan().name) + said);
  }
  return {};
}

Result<void> Supervisor::keep() {
  log_.info("the cluster serves", {{"directory", directory_.path}});
  write_state("running", "");
  while (!turn(kTurnSteady)) {
  }
  return {};
}

bool Supervisor::turn(int timeout_ms) {
  std::vector<pollfd> items{{signals_, POLLIN, 0}};
  for (const RoleProcess& role : roles_) {
    if (role.descriptor() >= 0) items.push_back({role.descriptor(), POLLIN, 0});
    if (role.state() != RoleState::kReady && role.state() != RoleState::kStopped) timeout_ms = kTurnStarting;
  }
  poll(items.data(), items.size(), timeout_ms);
  signalfd_siginfo signal{};
  while (read(signals_, &signal, sizeof signal) == sizeof signal)
    if (signal.ssi_signo != SIGCHLD) stopping_ = true;
  for (RoleProcess& role : roles_) role.look(!stopping_ && settings_.flag("forebay.local.restart"));
  if (!stopping_) write_state("", "");
  return stopping_;
}

void Supervisor::stop_all() {
  stopping_ = true;
  for (auto role = roles_.rbegin(); role != roles_.rend(); ++role) stop_role(*role);
}

void Supervisor::stop_role(RoleProcess& role) {
  role.look(false);
  if (role.ended()) return;
  role.signal(SIGTERM);
  for (Clock::time_point limit = Clock::now() + kStopWithin; !role.ended();) {
    turn(kTurnStarting);
    if (Clock::now() < limit) continue;
    log_.error("role does not stop and is killed", {{"name", role.plan().name}});
    role.signal(SIGKILL);
    limit = Clock::now() + kStopWithin;
  }
  // A mount whose daemon had to be killed would answer "Transport endpoint is not connected" for ever.
  if (role.plan().name != "fuse") return;
  if (Result<void> detached = fuse::detach_if_dead(mount_); !detached) {
    log_.error("a dead mount stays", {{"mount_point", mount_}, {"error", detached.error().to_string()}});
  }
}

void Supervisor::write_state(const std::string& phase, const std::string& problem) {
  Json state = last_state_.empty() ? Json::object() : Json::parse(last_state_);
  if (!phase.empty()) state["phase"] = phase;
  if (!problem.empty()) state["problem"] = problem;
  state["supervisor"] = getpid();
  state["mount"] = mount_;
  state["ufs"] = ufs_;
  state["mapping"] = mapping_;
  Json roles = Json::array();
  for (const RoleProcess& role : roles_) roles.push_back(role.describe());
  state["roles"] = roles;
  std::string text = state.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (text == last_state_) return;
  last_state_ = text;
  // Not synced: it says what runs now, and after a power cut nothing does.
  std::string temporary = directory_.state() + ".new";
  if (std::FILE* file = std::fopen(temporary.c_str(), "we")) {
    bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    written = std::fclose(file) == 0 && written;
    if (written && rename(temporary.c_str(), directory_.state().c_str()) == 0) return;
  }
  log_.warning("state file cannot be written", {{"path", directory_.state()}, {"errno", errno}});
}

}  // namespace forebay::cli
