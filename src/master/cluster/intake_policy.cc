#include "master/cluster/intake_policy.h"

#include <algorithm>

namespace forebay::master {
namespace {

double begins_at(const IntakeConfig& config, const WorkerRoom& room) {
  return (1 - config.slow_from) * static_cast<double>(room.total);
}

}  // namespace

bool IntakePolicy::is_near(const IntakeConfig& config, const WorkerRoom& room) {
  if (config.slow_from >= 1) return false;
  return static_cast<double>(room.left) < std::max(2 * begins_at(config, room), static_cast<double>(room.total) / 2);
}

bool IntakePolicy::slows(const IntakeConfig& config, const WorkerRoom& room, bool drains, bool slowed) {
  const double until = begins_at(config, room) * (slowed ? 1.25 : 1);
  return drains && static_cast<double>(room.left) < until;
}

uint64_t IntakePolicy::bytes_per_second(const IntakeConfig& config, const WorkerRoom& room) {
  const double seconds = std::chrono::duration<double>(config.horizon).count();
  return std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(room.left) / seconds));
}

uint64_t IntakePolicy::share(uint64_t bytes_per_second, size_t writers) {
  return std::max<uint64_t>(1, bytes_per_second / std::max<size_t>(1, writers));
}

}  // namespace forebay::master
