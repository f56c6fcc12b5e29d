#include "os/sim_clock.h"

#include <functional>
#include <optional>

namespace forebay::os {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr WallTime kWallStart{std::chrono::seconds(1'700'000'000)};

Duration scaled(Duration duration, int64_t numerator, int64_t denominator) {
  return Duration(static_cast<int64_t>(static_cast<__int128>(duration.count()) * numerator / denominator));
}

}  // namespace

SimClock::SimClock(VirtualTime& time, ClockSkew skew, Duration jitter, SimRandom random)
    : time_(time), skew_(skew), jitter_(jitter), random_(random) {}

Instant SimClock::now() const {
  return VirtualTime::kStart + scaled(time_.now() - VirtualTime::kStart, kMillion + skew_.drift_ppm, kMillion);
}

WallTime SimClock::wall_now() const { return kWallStart + (now() - VirtualTime::kStart) + skew_.wall_offset; }

Instant SimClock::true_time_of(Instant local) const {
  Duration elapsed = scaled(local - VirtualTime::kStart, kMillion, kMillion + skew_.drift_ppm);
  // Both divisions round down; a nanosecond or two makes up for it.
  while (scaled(elapsed, kMillion + skew_.drift_ppm, kMillion) < local - VirtualTime::kStart) elapsed += Duration(1);
  return VirtualTime::kStart + elapsed;
}

Task<bool> SimClock::sleep_until(Instant when, std::stop_token stop) {
  if (stop.stop_requested()) co_return false;
  // A deadline that means "never" must not overflow.
  const Instant latest = time_.now() + std::chrono::hours(24 * 365);
  Instant wake = when > latest ? latest : true_time_of(when);
  if (jitter_ > Duration(0)) wake += Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(jitter_.count()))));
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  co_await async::park([&](async::Waker waker) {
    uint64_t id = time_.at(wake, std::move(waker));
    on_stop.emplace(stop, [this, id] { time_.run_now(id); });
  });
  co_return !stop.stop_requested();
}

}  // namespace forebay::os
