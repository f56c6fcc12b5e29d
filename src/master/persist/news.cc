#include "master/persist/news.h"

#include <algorithm>
#include <utility>

namespace forebay::master {

void News::raise() {
  std::stop_source before;
  {
    std::lock_guard lock(mutex_);
    std::swap(before, changed_);
    if (stopped_) changed_.request_stop();
  }
  before.request_stop();
}

void News::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  raise();
}

std::stop_token News::changed() const {
  std::lock_guard lock(mutex_);
  return changed_.get_token();
}

Task<bool> News::wait(const News* news, std::stop_token changed, int64_t due_ns, os::Instant until, std::stop_token abandoned) {
  {
    std::lock_guard lock(news->mutex_);
    if (news->stopped_) co_return false;
  }
  const os::Instant now = news->clock_.now();
  if (now >= until || abandoned.stop_requested()) co_return false;
  os::Instant wake = until;
  if (due_ns != 0) {
    const Duration due(due_ns - os::unix_nanos(news->clock_.wall_now()));
    wake = std::min(wake, now + std::max<Duration>(due, std::chrono::milliseconds(1)));
  }
  std::stop_source over;
  const std::stop_callback when_changed(changed, [&over] { over.request_stop(); });
  const std::stop_callback when_abandoned(abandoned, [&over] { over.request_stop(); });
  Task<bool> sleeping = news->clock_.sleep_until(wake, over.get_token());
  co_await std::move(sleeping);
  co_return true;
}

}  // namespace forebay::master
