#include "worker/writers.h"

#include <utility>

namespace forebay::worker {

namespace {

constexpr Duration kWindow = std::chrono::seconds(1);
constexpr Duration kBetweenLooks = std::chrono::milliseconds(10);  // at the host file, while uploads ask
constexpr Duration kBetweenWords = std::chrono::milliseconds(100);

}  // namespace

Writers::Writers(os::Env& env, std::string host_file, obs::Log& log) : env_(env), host_file_(std::move(host_file)) {
  if (host_file_.empty()) return;
  Result<bool> there = env_.files.exists(host_file_);
  Result<void> usable = there ? Result<void>{} : std::unexpected(there.error());
  if (there && !*there) usable = env_.files.write_whole(host_file_, {});
  is_shared_ = usable.has_value();
  if (!usable) {
    log.warning("workers of this host do not hear of each other's writers",
                {{"file", host_file_}, {"error", usable.error().to_string()}});
  }
}

void Writers::began() { note(env_.clock.now()); }

void Writers::wrote(uint64_t bytes) {
  const os::Instant now = env_.clock.now();
  bool is_much = false;
  {
    std::lock_guard lock(mutex_);
    if (now - window_begin_ >= kWindow) {
      window_begin_ = now;
      window_bytes_ = 0;
    }
    window_bytes_ += bytes;
    is_much = window_bytes_ >= kMuch;
  }
  if (is_much) note(now);
}

void Writers::note(os::Instant now) {
  {
    std::lock_guard lock(mutex_);
    until_ = now + kLooksOn;
    if (now - told_at_ < kBetweenWords) return;
    told_at_ = now;
  }
  // A word that is lost is said again while they write.
  if (is_shared_) (void)env_.files.change_status(host_file_, {.mtime_ns = os::unix_nanos(env_.clock.wall_now())});
}

bool Writers::are_active() {
  const os::Instant now = env_.clock.now();
  {
    std::lock_guard lock(mutex_);
    if (now < until_) return true;
    if (!is_shared_) return false;
    if (now - looked_at_ < kBetweenLooks) return others_;
    looked_at_ = now;
  }
  const Result<os::FileStatus> status = env_.files.status(host_file_);
  // A time in the future is of before the clock was set.
  const Duration since = status ? Duration(os::unix_nanos(env_.clock.wall_now()) - status->mtime_ns) : kLooksOn;
  std::lock_guard lock(mutex_);
  others_ = since >= Duration{} && since < kLooksOn;
  return others_;
}

}  // namespace forebay::worker
