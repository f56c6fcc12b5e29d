#include "fuse/mount.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdarg>
#include <mutex>
#include <thread>

#include "fuse/message.h"
#include "fuse/mount_point.h"
#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

constexpr int kWakeSignal = SIGUSR2;                           // has a receiver return from its read
constexpr auto kWakeInterval = std::chrono::milliseconds(10);  // repeated: the first may arrive just before the read begins

// libfuse reports the reason of a failed mount as text, to one function for the whole process.
std::mutex libfuse_text_mutex;
std::string libfuse_text;

void keep_libfuse_text(fuse_log_level, const char* format, va_list arguments) {
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  std::lock_guard lock(libfuse_text_mutex);
  if (libfuse_text.size() < 4096) libfuse_text += line;
}

std::string take_libfuse_text() {
  std::lock_guard lock(libfuse_text_mutex);
  std::string text = std::exchange(libfuse_text, {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

void on_wake_signal(int) {}

void install_wake_signal() {
  struct sigaction action{};
  action.sa_handler = on_wake_signal;  // without SA_RESTART: the read ends with EINTR
  ::sigaction(kWakeSignal, &action, nullptr);
}

fuse_session* new_session(const MountConfig& config, Volume* volume) {
  std::string options =
      "fsname=" + config.source + ",subtype=forebay,default_permissions,max_read=" + std::to_string(kMaxRequestBytes);
  if (config.allow_other) options += ",allow_other";
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
  fuse_opt_add_arg(&arguments, "forebay");
  fuse_opt_add_arg(&arguments, "-o");
  fuse_opt_add_arg(&arguments, options.c_str());
  fuse_session* session = fuse_session_new(&arguments, &operations(), sizeof(fuse_lowlevel_ops), volume);
  fuse_opt_free_args(&arguments);
  return session;
}

// The mount is gone; closes the device. libfuse would unmount once more, whatever is there by now, unless polling the device says
// that the connection has ended, which it has not while a detached mount has users. The writing end of a pipe that nobody reads
// says so.
void end_session(fuse_session* session) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) == 0) {
    ::close(ends[0]);
    ::dup2(ends[1], fuse_session_fd(session));
    ::close(ends[1]);
  }
  fuse_session_unmount(session);
  fuse_session_destroy(session);
}

Result<void> check_config(const MountConfig& config) {
  if (config.receivers < 1 || config.receivers > 64) return invalid("fuse receivers: 1 to 64");
  if (config.max_in_flight < 1 || config.max_in_flight > 4096) return invalid("fuse requests in flight: 1 to 4096");
  if (config.max_background < 1 || config.max_background > 65535) return invalid("fuse background requests: 1 to 65535");
  if (config.directories.page_entries < 1 || config.directories.page_entries > 4096)
    return invalid("fuse directory page: 1 to 4096 entries");
  if (config.directories.bookmarks < 2) return invalid("fuse directory bookmarks: 2 or more");
  if (config.source.empty() || config.source.find(',') != std::string::npos)
    return invalid("fuse source: a name without a comma");
  return {};
}

}  // namespace

struct FuseMount::State {
  State(client::Client& client, obs::Log& given_log, MountConfig config, std::vector<async::Executor> executors)
      : log(given_log), volume(client, given_log, std::move(config), std::move(executors)) {}

  void receive();
  void end_receivers();
  void unmount_for_stop();

  obs::Log& log;
  Volume volume;
  std::string point;
  fuse_session* session = nullptr;
  std::unique_ptr<SessionBackings> backings;
  std::vector<std::thread> receivers;

  std::mutex mutex;
  std::condition_variable receiver_ended;
  size_t receiving = 0;
  bool stopping = false;
  bool stopped = false;
};

// One of several threads that read the device. Ends with ENODEV when the mount is gone.
void FuseMount::State::receive() {
  fuse_buf message{};
  set_message_of_this_thread(&message);
  while (!fuse_session_exited(session)) {
    if (message.mem == nullptr) message.mem = volume.message_buffers().take();  // nullptr: libfuse allocates
    const int got = fuse_session_receive_buf(session, &message);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got < 0) log.error("reading the FUSE device failed", {{"error", int64_t{-got}}});
    if (got <= 0) break;
    fuse_session_process_buf(session, &message);
  }
  std::free(message.mem);
  bool unasked = false;
  {
    std::lock_guard lock(mutex);
    unasked = --receiving == 0 && !stopping;
    receiver_ended.notify_all();
  }
  if (!unasked) return;
  log.warning("the mount has ended: it was unmounted by somebody else", {{"mount_point", point}});
  if (volume.config().when_unmounted) volume.config().when_unmounted();
}

void FuseMount::State::end_receivers() {
  {
    std::unique_lock lock(mutex);
    while (!receiver_ended.wait_for(lock, kWakeInterval, [this] { return receiving == 0; })) {
      if (!fuse_session_exited(session)) continue;
      for (std::thread& receiver : receivers) ::pthread_kill(receiver.native_handle(), kWakeSignal);
    }
  }
  for (std::thread& receiver : receivers) receiver.join();
  receivers.clear();
}

// While the receivers still serve: unmounting writes back what was changed through mappings.
void FuseMount::State::unmount_for_stop() {
  auto idle = unmount(point, Unmount::kIfIdle);
  if (idle) return;
  if (idle.error().is_errno(EINVAL)) {  // not mounted any more
    fuse_session_exit(session);
    return;
  }
  log.warning("the mount is in use; it is detached, and its users will get ENOTCONN", {{"mount_point", point}});
  if (const int root = ::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); root >= 0) {
    ::syncfs(root);
    ::close(root);
  }
  if (auto detached = unmount(point, Unmount::kDetach); !detached)
    log.error("the mount could not be detached", {{"mount_point", point}, {"error", detached.error().to_string()}});
  fuse_session_exit(session);
}

FuseMount::FuseMount(std::unique_ptr<State> state) : state_(std::move(state)) {}

FuseMount::~FuseMount() { stop(); }

const std::string& FuseMount::mount_point() const { return state_->point; }

Result<std::unique_ptr<FuseMount>> FuseMount::start(client::Client& client, obs::Log& log, MountConfig config,
                                                    std::vector<async::Executor> executors) {
  TRY(check_config(config));
  TRY(check_device());
  ASSIGN_OR_RETURN(std::string point, prepare_mount_point(config.mount_point, log));

  auto state = std::make_unique<State>(client, log, std::move(config), std::move(executors));
  state->point = std::move(point);
  install_wake_signal();
  fuse_set_log_func(keep_libfuse_text);
  take_libfuse_text();
  state->session = new_session(state->volume.config(), &state->volume);
  if (state->session == nullptr) return rejected(EIO, "libfuse refused the mount options: " + take_libfuse_text());
  state->volume.set_session(state->session);
  if (fuse_session_mount(state->session, state->point.c_str()) != 0) {
    fuse_session_destroy(state->session);
    return rejected(EPERM,
                    "mount at " + state->point + " failed: " + take_libfuse_text() +
                        "; run as root or with CAP_SYS_ADMIN, or install fuse3 and allow user_allow_other in /etc/fuse.conf");
  }
  state->backings = std::make_unique<SessionBackings>(state->session);
  state->volume.init_exchange().backings = state->backings.get();
  if (!install_device_io(state->session)) {
    const int error = errno;
    fuse_session_unmount(state->session);
    fuse_session_destroy(state->session);
    return from_errno(error, "take over the FUSE device");
  }
  State* shared = state.get();
  shared->receiving = static_cast<size_t>(shared->volume.config().receivers);
  for (int i = 0; i < shared->volume.config().receivers; ++i) shared->receivers.emplace_back([shared] { shared->receive(); });
  set_readahead(shared->point, shared->volume.config().readahead_bytes, log);
  log.info("mounted", {{"mount_point", shared->point}});
  return std::unique_ptr<FuseMount>(new FuseMount(std::move(state)));
}

void FuseMount::stop() {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopped) return;
    state_->stopping = state_->stopped = true;
  }
  state_->unmount_for_stop();
  state_->end_receivers();
  state_->volume.wait_until_idle();
  state_->volume.close_all();
  end_session(state_->session);
  state_->log.info("unmounted", {{"mount_point", state_->point}});
}

}  // namespace forebay::fuse
