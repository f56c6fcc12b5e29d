#include "ufs/s3/breaker.h"

#include <algorithm>
#include <utility>

namespace forebay::ufs {

Result<void> CircuitBreaker::enter(const std::string& store) {
  std::lock_guard lock(mutex_);
  if (!open_) return {};
  const os::Instant now = clock_.now();
  if (probing_ || now < until_) {
    const Duration left = probing_ ? Duration(0) : until_ - now;
    return busy(store + " has not answered for a while" + (why_.empty() ? "" : " (" + why_ + ")") +
                "; the next attempt is made in " + format_duration(std::chrono::round<std::chrono::milliseconds>(left)));
  }
  probing_ = true;
  return {};
}

void CircuitBreaker::succeeded() {
  std::lock_guard lock(mutex_);
  in_a_row_ = 0;
  open_ = probing_ = false;
  pause_ = Duration(0);
}

void CircuitBreaker::failed(std::string why) {
  std::lock_guard lock(mutex_);
  if (!why.empty()) why_ = std::move(why);
  ++in_a_row_;
  if (open_ && !probing_) return;  // began before it opened
  if (!open_ && in_a_row_ < config_.failures) return;
  pause_ = pause_ == Duration(0) ? config_.first_pause : std::min(pause_ * 2, config_.most_pause);
  const auto jitter = static_cast<int64_t>(random_.below(static_cast<uint64_t>(pause_.count() / 4 + 1)));
  until_ = clock_.now() + pause_ + Duration(jitter);
  open_ = true;
  probing_ = false;
}

void CircuitBreaker::left() {
  std::lock_guard lock(mutex_);
  probing_ = false;
}

bool CircuitBreaker::is_open() const {
  std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace forebay::ufs
