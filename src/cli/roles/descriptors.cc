#include "cli/roles/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace forebay::cli {
namespace {
constexpr uint64_t kMostConnections = 12'000, kMostObjects = 4096, kReserve = 512;
}

DescriptorShare share_descriptors(uint64_t limit) {
  const uint64_t rest = limit - std::min(limit / 4, kReserve);
  const uint64_t beyond = rest - std::min(rest, kMostConnections);
  const uint64_t objects = std::clamp(beyond, std::min(rest / 8, kMostObjects), kMostObjects);
  return {.connections = std::min(rest - objects, kMostConnections), .open_objects = objects};
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // what every system allows
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

}  // namespace forebay::cli
