#include "client/write_path/intake.h"

#include <algorithm>
#include <utility>

namespace forebay::client {
namespace {

uint64_t in_ms(Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

void Intake::told(uint64_t bytes_per_second) {
  if (config_.longest_pause <= Duration{}) return;
  std::stop_source over(std::nostopstate);
  bool ends = false;
  Duration waited{};
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    const uint64_t before = std::exchange(rate_, bytes_per_second);
    told_at_ = env_.clock.now();
    is_on_ = bytes_per_second != 0;
    if ((before == 0) == (bytes_per_second == 0)) return;
    if (before == 0) next_ = told_at_;
    ends = std::exchange(has_waited_, false);
    waited = waited_ - std::exchange(waited_before_, waited_);
    over = std::exchange(slowing_, std::stop_source());
  }
  over.request_stop();
  if (ends) log_.info("writes are no longer slowed", {{"waited_ms", in_ms(waited)}});
}

bool Intake::slows() const {
  std::lock_guard lock(mutex_);
  return rate_ != 0 && env_.clock.now() - passed_at_ < kForgottenAfter;
}

uint64_t Intake::waited_ms() const {
  std::lock_guard lock(mutex_);
  return in_ms(waited_);
}

// How long until it is the turn of so many bytes; the next ones' comes when these would have been written at the rate.
Duration Intake::turn(uint64_t bytes, Bytes which, std::stop_token* until_changed) {
  std::lock_guard lock(mutex_);
  const os::Instant now = env_.clock.now();
  passed_at_ = now;
  if (rate_ == 0 || ended_ || now - told_at_ > kForgottenAfter) return {};
  const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
  const double longest = std::chrono::duration<double>(config_.longest_pause).count();
  const auto takes = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(seconds, longest)));
  const os::Instant mine = std::min(std::max(next_, now), now + config_.longest_pause);
  next_ = mine + takes;
  *until_changed = slowing_.get_token();
  return which == Bytes::kToBeWritten ? mine - now : std::min<Duration>(next_ - now, config_.longest_pause);
}

Task<void> Intake::pass(uint64_t bytes, Bytes which) {
  if (bytes == 0) co_return;
  std::stop_token until_changed;
  const Duration pause = turn(bytes, which, &until_changed);
  if (pause <= Duration{}) co_return;
  tell_once();
  const os::Instant began = env_.clock.now();
  if (changed_) changed_(1);
  const bool ignored = co_await env_.clock.sleep(pause, std::move(until_changed));
  (void)ignored;  // sooner: writers are no longer slowed
  if (changed_) changed_(-1);
  std::lock_guard lock(mutex_);
  waited_ += env_.clock.now() - began;
}

void Intake::tell_once() {
  uint64_t rate = 0;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(has_waited_, true)) return;
    rate = rate_;
  }
  log_.warning("writes are slowed: workers are nearly full", {{"bytes_per_second", rate}});
}

void Intake::end() {
  std::stop_source over(std::nostopstate);
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    is_on_ = false;
    over = slowing_;
  }
  over.request_stop();
}

}  // namespace forebay::client
