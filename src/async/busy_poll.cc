#include "async/busy_poll.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace forebay::async {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLeastPause = 1ms, kMostPause = 256ms;
// After the CPU was taken away. Whoever took it is gone a millisecond later more often than not, and a conversation that goes on
// without looks costs more than looks of 150 µs every 4 ms.
constexpr Duration kMostPauseAfterLoss = 4ms;
constexpr Duration kCheckEvery = 5ms;   // of the other threads: 2 µs each time
constexpr Duration kTakenAway = 100us;  // between two looks, of which one takes 1 µs: somebody else had the CPU
constexpr int kMisses = 4;              // in a row
constexpr int kStreak = 64;
// Woken up so many times in a row after at most twice a look's limit: all who take part in a conversation sleep and are woken up
// in it, and those waits become shorter when they do not.
constexpr int kSoon = 8, kMostSoon = 512;
// More threads than CPUs that may want to run: whoever is waited for, beside those that wait. They give way to it.
constexpr long kBesides = 1;

bool system_is_busy() {
  // Opened once, never closed: every look reads from its beginning.
  static const int file = ::open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  static const long cpus = [] {
    cpu_set_t own;
    return sched_getaffinity(0, sizeof own, &own) == 0 ? long{CPU_COUNT(&own)} : ::sysconf(_SC_NPROCESSORS_ONLN);
  }();
  std::array<char, 64> text;
  const ssize_t length = file < 0 ? -1 : ::pread(file, text.data(), text.size(), 0);
  return BusyPoll::too_many_run({text.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))}, cpus);
}

}  // namespace

BusyPoll::BusyPoll(Duration limit, Cpus cpus)
    : limit_(limit), cpus_(std::move(cpus)), after_loss_(kLeastPause), after_misses_(kLeastPause), wanted_(kSoon) {}

BusyPoll::Cpus BusyPoll::real_cpus() {
  return {.are_scarce = system_is_busy, .give_way = [] { sched_yield(); }};
}

bool BusyPoll::begin(Clock::time_point now) {
  idle_since_ = looked_ = now;
  return limit_ > Duration{0} && now >= paused_until_ && heed_others(now);
}

bool BusyPoll::go_on(Clock::time_point now) {
  if (now - looked_ > kTakenAway) {
    for_misses_ = false;
    return pause(now, after_loss_, kMostPauseAfterLoss);
  }
  looked_ = now;
  if (now - idle_since_ < limit_) {
    const bool again = heed_others(now);
    if (again) cpus_.give_way();
    return again;
  }
  hits_ = 0;
  if (++misses_ < kMisses) return false;
  for_misses_ = true;
  return pause(now, after_misses_, kMostPause);
}

void BusyPoll::found() {
  misses_ = 0;
  early_ = false;
  if (++hits_ < kStreak) return;
  hits_ = 0;
  wanted_ = kSoon;
  for (Duration* next : {&after_loss_, &after_misses_}) *next = std::max(*next / 2, kLeastPause);
}

void BusyPoll::woken(Clock::time_point now) {
  if (now - idle_since_ > 2 * limit_) {
    soon_ = 0;
    return;
  }
  if (++soon_ < wanted_) return;
  soon_ = 0;
  if (!for_misses_ || now >= paused_until_) return;
  paused_until_ = now;
  early_ = true;
}

bool BusyPoll::heed_others(Clock::time_point now) {
  if (now < next_check_) return true;
  next_check_ = now + kCheckEvery;
  if (!cpus_.are_scarce()) return true;
  for_misses_ = false;
  paused_until_ = next_check_;
  return false;
}

bool BusyPoll::pause(Clock::time_point now, Duration& next, Duration most) {
  if (early_) wanted_ = std::min(wanted_ * 2, kMostSoon);
  early_ = false;
  hits_ = soon_ = 0;
  misses_ = kMisses - 1;  // the first look after the pause is a try
  paused_until_ = next_check_ = now + next;
  next = std::min(next * 2, most);
  return false;
}

bool BusyPoll::too_many_run(std::string_view loadavg, long cpus) {
  // "0.20 0.18 0.12 3/80 11206": three wait for a CPU or have one, this one among them.
  const size_t slash = loadavg.find('/');
  const size_t before = slash == std::string_view::npos ? slash : loadavg.rfind(' ', slash);
  if (before == std::string_view::npos) return true;
  const std::string_view number = loadavg.substr(before + 1, slash - before - 1);
  long running = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), running);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) return true;
  return running > (cpus > 1 ? cpus + kBesides : cpus);
}

}  // namespace forebay::async
