#include "fuse/second_look.h"

#include <algorithm>

#include "async/loop.h"

namespace forebay::fuse {

void SecondLook::missed() {
  std::lock_guard lock(mutex_);
  on_until_ = std::chrono::steady_clock::now() + kFor;
}

bool SecondLook::is_on() const {
  std::lock_guard lock(mutex_);
  return on_until_ != Instant{} && std::chrono::steady_clock::now() < on_until_;
}

void SecondLook::hold(const async::Executor& executor, std::unique_ptr<client::File> file) {
  uint64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    if (held_.size() >= kMost || stopping_.stop_requested()) return;
    number = ++last_;
    held_.emplace(number, std::move(file));
  }
  async::spawn_detached(executor, let_go(shared_from_this(), number));
}

bool SecondLook::holds(InodeId inode) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(held_, [inode](const auto& held) { return held.second->inode() == inode; });
}

Task<void> SecondLook::let_go(std::shared_ptr<SecondLook> self, uint64_t number) {
  co_await async::sleep_until(std::chrono::steady_clock::now() + kFor, self->stopping_.get_token());
  std::unique_ptr<client::File> file;  // destroyed, which closes it, after the lock
  std::lock_guard lock(self->mutex_);
  if (auto held = self->held_.extract(number)) file = std::move(held.mapped());
}

void SecondLook::end() {
  stopping_.request_stop();
  std::map<uint64_t, std::unique_ptr<client::File>> left;
  std::lock_guard lock(mutex_);
  left.swap(held_);
}

}  // namespace forebay::fuse
