#include "coordinator/jobs/breakers.h"

#include <algorithm>
#include <utility>

namespace forebay::coordinator {

namespace {
constexpr Duration kAfterwards = std::chrono::milliseconds(10);  // surely not too early
constexpr Duration kLate = std::chrono::seconds(5);              // a probe that does not come by then is not waited for
}  // namespace

bool Breakers::is_open(uint64_t mount) const {
  const auto breaker = breakers_.find(mount);
  return breaker != breakers_.end() && breaker->second.failures >= config_.breaker_failures;
}

size_t Breakers::open() const {
  return static_cast<size_t>(
      std::ranges::count_if(breakers_, [&](const auto& each) { return each.second.failures >= config_.breaker_failures; }));
}

bool Breakers::admit(uint64_t mount) {
  if (!is_open(mount)) return true;
  Breaker& breaker = breakers_[mount];
  if (breaker.probing || clock_.now() < breaker.probe_at) return false;
  breaker.probing = true;
  return true;
}

std::optional<Duration> Breakers::next_probe(uint64_t mount) {
  if (!is_open(mount)) return std::nullopt;
  Breaker& breaker = breakers_[mount];
  const os::Instant now = clock_.now();
  if (breaker.probing || now < breaker.prober_until) return std::nullopt;
  const Duration wait = std::max(breaker.probe_at - now, Duration{}) + kAfterwards;
  breaker.prober_until = now + wait + kLate;
  return wait;
}

std::vector<uint64_t> Breakers::take_back() { return std::exchange(back_, {}); }

std::vector<uint64_t> Breakers::broken() const {
  std::vector<uint64_t> mounts;
  for (const auto& [mount, breaker] : breakers_) {
    if (is_open(mount)) mounts.push_back(mount);
  }
  return mounts;
}

std::string Breakers::why(uint64_t mount) const {
  const auto breaker = breakers_.find(mount);
  return breaker == breakers_.end() ? "" : breaker->second.why;
}

void Breakers::record(uint64_t mount, bool store_failed, std::string why) {
  if (!store_failed) {
    if (is_open(mount)) back_.push_back(mount);
    breakers_.erase(mount);
    return;
  }
  Breaker& breaker = breakers_[mount];
  if (!why.empty()) breaker.why = std::move(why);
  breaker.failures = std::min(breaker.failures + 1, config_.breaker_failures);
  if (breaker.failures < config_.breaker_failures) return;
  const bool was_probe = std::exchange(breaker.probing, false);
  if (was_probe) breaker.prober_until = {};
  // Those that were under way when it opened say nothing new.
  if (breaker.pause != Duration{} && !was_probe) return;
  breaker.pause = breaker.pause == Duration{} ? config_.breaker_first : std::min(breaker.pause * 2, config_.breaker_most);
  breaker.probe_at = clock_.now() + breaker.pause;
}

}  // namespace forebay::coordinator
