#include "os/virtual_time.h"

#include <algorithm>

namespace forebay::os {

uint64_t VirtualTime::at(Instant when, Action action) {
  const uint64_t id = next_id_++;
  queue_.emplace(std::pair(when, id), std::move(action));
  when_.emplace(id, when);
  return id;
}

bool VirtualTime::cancel(uint64_t id) {
  auto found = when_.find(id);
  if (found == when_.end()) return false;
  auto dropped = queue_.extract({found->second, id});  // destroyed last: its destructor may come back here
  when_.erase(found);
  return true;
}

bool VirtualTime::run_now(uint64_t id) {
  auto found = when_.find(id);
  if (found == when_.end()) return false;
  auto action = queue_.extract({found->second, id});
  when_.erase(found);
  action.mapped()();
  return true;
}

std::optional<Instant> VirtualTime::next() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first.first;
}

bool VirtualTime::advance() {
  if (queue_.empty()) return false;
  auto first = queue_.extract(queue_.begin());
  when_.erase(first.key().second);
  now_ = std::max(now_, first.key().first);
  first.mapped()();
  return true;
}

void VirtualTime::stall(Duration time) { now_ += time; }

void VirtualTime::clear() {
  while (!queue_.empty()) {
    auto dropped = std::exchange(queue_, {});
    when_.clear();
  }
}

Task<void> VirtualTime::wait_until(Instant when) {
  co_await async::park([this, when](async::Waker waker) { at(when, std::move(waker)); });
}

}  // namespace forebay::os
