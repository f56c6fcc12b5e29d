// Tiers of a worker as settings write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace forebay::config {

// One directory of a tier. Watermarks are parts of the quota: eviction begins above `high` and ends at `low`.
struct Tier {
  std::string alias;  // MEM, SSD, HDD or any other word of letters, digits, '-' and '_'
  std::string path;
  uint64_t quota_bytes = 0;
  double high = 0.95, low = 0.7;

  bool operator==(const Tier&) const = default;
};

inline constexpr uint64_t kLeastQuota = 16 << 20;  // bytes: below it not even a few small objects fit
inline constexpr size_t kMostTiers = 64;

// "SSD:/data1:10Gi" or "SSD:/data1:10Gi:0.9:0.6". The path may hold ':'. Errors say which part is wrong.
Result<Tier> parse_tier(std::string_view text);
// Separated by commas. No path twice.
Result<std::vector<Tier>> parse_tiers(std::string_view text);
std::string format_tiers(const std::vector<Tier>& tiers);  // parse_tiers reads it back

}  // namespace forebay::config
