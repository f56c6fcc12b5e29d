#include "cli/local/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "cli/local/answers.h"
#include "cli/local/pid_file.h"
#include "fuse/mount_point.h"
#include "os/file.h"

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kStartWithin = seconds(150);  // longer than the supervisor's own limits on its roles
constexpr auto kStopWithin = seconds(120);
constexpr auto kLook = milliseconds(10);

Json read_state(const Directory& directory) {
  Result<std::string> text = os::real_files().read_whole(directory.state(), 1 << 20);
  if (!text) return Json::object();
  Json state = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return state.is_object() ? state : Json::object();
}

// In the child: becomes the supervisor, without a terminal.
[[noreturn]] void become_supervisor(int words_fd, char** arguments) {
  setsid();
  int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(words_fd, STDOUT_FILENO);
  dup2(words_fd, STDERR_FILENO);
  execv("/proc/self/exe", arguments);
  _exit(127);
}

Result<pid_t> spawn_supervisor(const Directory& directory) {
  std::string words = directory.words_file("supervisor");
  int fd = open(words.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return from_errno(errno, "opening " + words);
  std::string dir = directory.path;
  char name[] = "forebay", local[] = "local", supervise[] = "supervise", option[] = "--dir";
  char* arguments[] = {name, local, supervise, option, dir.data(), nullptr};
  pid_t child = fork();
  if (child == 0) become_supervisor(fd, arguments);
  int error = errno;
  close(fd);
  if (child < 0) return from_errno(error, "starting the supervisor");
  return child;
}

std::string summary(const Json& state) {
  std::string text;
  for (const Json& role : state.value("roles", Json::array()))
    text += (text.empty() ? "" : ", ") + role.value("name", "") + " " + role.value("state", "");
  return text;
}

bool all_ready(const Json& state) {
  const Json roles = state.value("roles", Json::array());
  for (const Json& role : roles)
    if (role.value("state", "") != "ready") return false;
  return !roles.empty() && state.value("phase", "") == "running";
}

// One line on a terminal that is written over.
class ProgressLine {
 public:
  void show(const std::string& text) {
    if (!isatty(STDERR_FILENO) || text == shown_) return;
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    shown_ = text;
  }
  ~ProgressLine() {
    if (!shown_.empty()) std::fputs("\r\033[K", stderr);
  }

 private:
  std::string shown_;
};

std::string words_of_supervisor(const Directory& directory) {
  Result<std::string> text = os::real_files().read_whole(directory.words_file("supervisor"), 64 << 10);
  return text ? *text : std::string();
}

// Ends the holder of a pid file: SIGTERM, and SIGKILL when it does not go.
Result<bool> end_holder(const std::string& pid_file, Clock::duration patience) {
  pid_t pid = 0;
  int fd = open_holder(pid_file, &pid);
  if (fd < 0) return false;
  pollfd gone{fd, POLLIN, 0};
  signal_process(fd, SIGTERM);
  int wait_ms = static_cast<int>(std::chrono::duration_cast<milliseconds>(patience).count());
  bool ended = poll(&gone, 1, wait_ms) > 0;
  if (!ended) {
    signal_process(fd, SIGKILL);
    ended = poll(&gone, 1, 10'000) > 0;
  }
  close(fd);
  if (!ended) return rejected(EBUSY, "pid " + std::to_string(pid) + " (" + pid_file + ") does not end, not even by SIGKILL");
  return true;
}

}  // namespace

Result<Directory> make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (path.empty() || error) return invalid("--dir '" + path + "' is no usable path");
  Directory directory{absolute.string()};
  while (directory.path.size() > 1 && directory.path.ends_with('/')) directory.path.pop_back();
  for (const std::string& each : {directory.run(), directory.log()}) {
    std::filesystem::create_directories(each, error);
    if (error || access(each.c_str(), W_OK | X_OK) != 0)
      return invalid("directory " + directory.path + " cannot be written: " + (error ? error.message() : std::strerror(errno)) +
                     " (name one that you may write to with --dir)");
  }
  return directory;
}

Result<Directory> find_directory(const std::string& path) {
  std::error_code error;
  Directory directory{std::filesystem::absolute(path, error).lexically_normal().string()};
  while (directory.path.size() > 1 && directory.path.ends_with('/')) directory.path.pop_back();
  if (!std::filesystem::is_directory(directory.run(), error))
    return invalid("there is no local cluster in " + directory.path + " (`forebay local start --dir …` makes one)");
  return directory;
}

Result<std::unique_ptr<StartLock>> StartLock::take(const Directory& directory) {
  int fd = open(directory.start_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return from_errno(errno, "opening " + directory.start_lock());
  if (flock(fd, LOCK_EX) != 0) {
    int error = errno;
    close(fd);
    return from_errno(error, "locking " + directory.start_lock());
  }
  return std::unique_ptr<StartLock>(new StartLock(fd));
}

StartLock::~StartLock() { close(fd_); }

void wait_for_deaths(const Directory& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory.run(), error))
    if (entry.path().extension() == ".pid") wait_while_dying(entry.path(), seconds(10));
}

bool supervisor_runs(const Directory& directory) { return pid_file_holder(directory.pid_file("supervisor")).has_value(); }

Result<Json> start_in_background(const Directory& directory) {
  unlink(directory.state().c_str());
  ASSIGN_OR_RETURN(pid_t child, spawn_supervisor(directory));
  ProgressLine progress;
  for (Clock::time_point limit = Clock::now() + kStartWithin; Clock::now() < limit; std::this_thread::sleep_for(kLook)) {
    Json state = read_state(directory);
    progress.show(summary(state));
    if (all_ready(state)) return status_of(directory);
    int wait_status = 0;
    if (waitpid(child, &wait_status, WNOHANG) != child) continue;
    state = read_state(directory);
    if (std::string problem = state.value("problem", ""); !problem.empty()) return invalid(problem);
    return rejected(EIO, "the supervisor ended while starting: " + words_of_supervisor(directory));
  }
  (void)stop(directory);
  return rejected(ETIMEDOUT,
                  "the cluster did not start within " + std::to_string(kStartWithin.count()) + " s; see " + directory.log());
}

Result<bool> stop(const Directory& directory) {
  ASSIGN_OR_RETURN(bool stopped, end_holder(directory.pid_file("supervisor"), kStopWithin));
  // Roles that outlived a killed supervisor: the mount first, the master last.
  std::vector<std::string> left;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory.run(), error))
    if (entry.path().extension() == ".pid" && pid_file_holder(entry.path())) left.push_back(entry.path());
  auto turn_of = [](const std::string& path) { return path.ends_with("/fuse.pid") ? 0 : path.ends_with("/master.pid") ? 2 : 1; };
  std::ranges::sort(left, std::less<>{}, [&](const std::string& path) { return std::pair(turn_of(path), path); });
  for (const std::string& path : left) {
    ASSIGN_OR_RETURN(bool ended, end_holder(path, seconds(30)));
    stopped = stopped || ended;
  }
  // A mount whose daemon was killed. A live one at the same place is another cluster's.
  if (Result<config::Settings> settings = settled(directory)) {
    std::string mount = settings->text("forebay.local.mount");
    if (!mount.empty()) TRY(fuse::detach_if_dead(mount));
  }
  return stopped;
}

Json status_of(const Directory& directory) {
  std::optional<pid_t> supervisor = pid_file_holder(directory.pid_file("supervisor"));
  Json state = read_state(directory);
  Json status = {{"directory", directory.path}, {"phase", supervisor ? state.value("phase", "starting") : "stopped"}};
  status["supervisor"] = supervisor ? Json(*supervisor) : Json(nullptr);
  for (const char* each : {"mount", "ufs", "mapping"}) status[each] = state.value(each, "");
  status["conf"] = directory.conf();
  Json roles = Json::array();
  for (Json role : state.value("roles", Json::array())) {
    std::optional<pid_t> pid = pid_file_holder(directory.pid_file(role.value("name", "")));
    role["pid"] = pid ? Json(*pid) : Json(nullptr);
    if (!pid && role.value("state", "") == "ready") role["state"] = "dead";
    if (!pid && !supervisor) role["state"] = "stopped";
    // The supervisor has looked a while ago.
    const std::string problem = role.value("state", "") == "ready" ? asked_now(role) : "";
    if (!problem.empty()) {
      role["state"] = "silent";
      role["reason"] = problem;
    }
    roles.push_back(role);
  }
  status["roles"] = roles;
  Json judged = {{"phase", status["phase"]}, {"roles", roles}};
  status["serves"] = supervisor.has_value() && all_ready(judged);
  return status;
}

std::string status_table(const Directory& directory, const Json& status) {
  Table table({"ROLE", "PID", "STATE", "RPC", "WEB", "RESTARTS", "REASON"});
  for (size_t column : {1, 3, 4, 5}) table.right_align(column);
  auto port = [](const Json& role, const char* key) {
    int number = role.value(key, 0);
    return number == 0 ? std::string("-") : std::to_string(number);
  };
  for (const Json& role : status["roles"])
    table.add({role.value("name", ""), role["pid"].is_null() ? "-" : std::to_string(role["pid"].get<int>()),
               role.value("state", ""), port(role, "rpc_port"), port(role, "web_port"), std::to_string(role.value("restarts", 0)),
               role.value("reason", "")});
  std::string text = "cluster in " + directory.path + ": " + status.value("phase", "");
  if (!status["supervisor"].is_null()) text += " (supervisor pid " + std::to_string(status["supervisor"].get<int>()) + ")";
  text += "\n";
  if (!status["roles"].empty()) text += table.text();
  if (std::string mount = status.value("mount", ""); !mount.empty() && status.value("serves", false))
    text += "mounted at " + mount + "\n";
  if (std::string ufs = status.value("ufs", ""); !ufs.empty() && status.value("serves", false))
    text += "under store at /ufs: " + ufs + "\n";
  if (std::string mapping = status.value("mapping", ""); !mapping.empty() && status.value("serves", false))
    text += "mapping file: " + mapping + " (`forebay persist mapping` shows what is in force)\n";
  return text;
}

}  // namespace forebay::cli
