#include "fuse/mount.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdarg>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "async/loop.h"
#include "base/check.h"
#include "fuse/follow_caller.h"
#include "fuse/message.h"
#include "fuse/mount_point.h"
#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

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
  State(client::Client& client, obs::Log& given_log, MountConfig config, std::vector<async::Executor> given_executors)
      : log(given_log),
        receiver(given_executors.front()),
        volume(client, given_log, std::move(config), std::move(given_executors)) {}

  Task<void> receive();
  void process(fuse_buf* message, size_t size);
  bool may_go_on(int error);
  void ended();
  Task<void> cancel_wait();
  void end_receiver();
  void unmount_for_stop();

  obs::Log& log;
  const async::Executor receiver;
  Volume volume;
  std::string point;
  fuse_session* session = nullptr;
  std::unique_ptr<SessionBackings> backings;
  std::optional<async::Descriptor> device;
  FollowCaller follow_caller;  // the receiver's

  std::mutex mutex;
  std::condition_variable receiver_ended;
  bool receiving = false;
  bool stopping = false;
  bool stopped = false;
};

// Takes requests from the device, on the thread that serves most of them: nobody has to be woken up between the two. Ends with
// ENODEV when the mount is gone.
Task<void> FuseMount::State::receive() {
  fuse_buf message{};
  while (!fuse_session_exited(session)) {
    co_await volume.place();
    if (message.mem == nullptr) message.mem = volume.message_buffers().take();
    if (message.mem == nullptr) message.mem = std::malloc(kMaxMessageBytes);
    FOREBAY_CHECK(message.mem != nullptr, "memory for a request");
    const ssize_t got = co_await device->read_some({static_cast<std::byte*>(message.mem), kMaxMessageBytes});
    if (got > 0)
      process(&message, static_cast<size_t>(got));
    else if (!may_go_on(static_cast<int>(-got)))
      break;
  }
  std::free(message.mem);
  ended();
}

void FuseMount::State::process(fuse_buf* message, size_t size) {
  message->size = size;
  prepare_message(message->mem, size, volume);
  const RequestShape request = shape_of(message->mem, size);
  if (volume.config().follow_callers && !request.detached)
    follow_caller.took(FollowCaller::Clock::now(), request.thread, request.moves);
  const MessageOfThisThread current(message);
  fuse_session_process_buf(session, message);
}

// After a read that brought nothing: interrupted, or its request was withdrawn just then.
bool FuseMount::State::may_go_on(int error) {
  if (error == EINTR || error == EAGAIN || error == ENOENT) return true;
  if (error != ENODEV && error != ECANCELED) log.error("reading the FUSE device failed", {{"error", int64_t{error}}});
  fuse_session_exit(session);
  return false;
}

void FuseMount::State::ended() {
  bool unasked = false;
  {
    std::lock_guard lock(mutex);
    unasked = !stopping;
  }
  if (unasked) {
    log.warning("the mount has ended: it was unmounted by somebody else", {{"mount_point", point}});
    if (volume.config().when_unmounted) volume.config().when_unmounted();
  }
  // Notifies under the lock: whoever waits destroys this object.
  std::lock_guard lock(mutex);
  receiving = false;
  receiver_ended.notify_all();
}

Task<void> FuseMount::State::cancel_wait() {
  device->cancel();
  co_return;
}

void FuseMount::State::end_receiver() {
  async::block_on(receiver, cancel_wait());
  std::unique_lock lock(mutex);
  receiver_ended.wait(lock, [this] { return !receiving; });
}

// While requests are still received: unmounting writes back what was changed through mappings.
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
  shared->device.emplace(shared->receiver, fuse_session_fd(shared->session));
  shared->receiving = true;
  async::spawn_detached(shared->receiver, shared->receive());
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
  state_->end_receiver();
  state_->volume.wait_until_idle();
  state_->volume.close_all();
  state_->device.reset();
  end_session(state_->session);
  state_->log.info("unmounted", {{"mount_point", state_->point}});
}

}  // namespace forebay::fuse
