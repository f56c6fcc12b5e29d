#include "worker/tiers/tier_set.h"

#include <algorithm>
#include <set>

#include "base/check.h"

namespace forebay::worker {

Result<void> check_tiers(const std::vector<TierConfig>& tiers) {
  std::set<std::string> aliases, paths;
  for (const TierConfig& tier : tiers) {
    if (tier.alias.empty() || !aliases.insert(tier.alias).second)
      return invalid("each tier needs an alias of its own; '" + tier.alias + "' is empty or used twice");
    if (tier.medium != "MEM" && tier.medium != "SSD" && tier.medium != "HDD")
      return invalid("tier '" + tier.alias + "': medium '" + tier.medium + "' is none of MEM, SSD, HDD");
    if (tier.paths.empty()) return invalid("tier '" + tier.alias + "' has no path");
    if (!(tier.watermarks.low >= 0 && tier.watermarks.low <= tier.watermarks.high && tier.watermarks.high <= 1))
      return invalid("tier '" + tier.alias + "': watermarks need 0 <= low <= high <= 1");
    for (const PathConfig& path : tier.paths) {
      if (path.path.empty() || !paths.insert(path.path).second)
        return invalid("tier '" + tier.alias + "': path '" + path.path + "' is empty or used twice");
      if (path.quota_bytes < kMinQuota)
        return invalid("tier '" + tier.alias + "': the quota of '" + path.path + "' is " + format_size(path.quota_bytes) +
                       ", at least " + format_size(kMinQuota) + " is needed");
    }
  }
  if (paths.empty()) return invalid("a worker needs at least one tier");
  if (paths.size() > kMaxPaths) return invalid("a worker has at most " + std::to_string(kMaxPaths) + " paths");
  return {};
}

TierSet::TierSet(const std::vector<TierConfig>& tiers) {
  for (const TierConfig& tier : tiers) {
    aliases_.push_back(tier.alias);
    for (const PathConfig& path : tier.paths)
      paths_.push_back(std::make_unique<TierPath>(tier.alias, tier.medium, path.path, path.quota_bytes, tier.watermarks));
  }
  FOREBAY_CHECK(!paths_.empty() && paths_.size() <= kMaxPaths, "tiers were checked before");
}

TierPath* TierSet::choose(uint64_t bytes, const std::vector<TierPath*>& avoid, bool within_watermark) const {
  for (const std::string& alias : aliases_) {
    TierPath* best = nullptr;
    uint64_t most = 0;
    for (const auto& path : paths_) {
      if (path->tier() != alias || std::ranges::find(avoid, path.get()) != avoid.end()) continue;
      if (within_watermark && !path->takes_new_objects()) continue;
      uint64_t available = path->available_bytes();
      if (available < bytes || (best && available <= most)) continue;
      best = path.get();
      most = available;
    }
    if (best) return best;
  }
  return nullptr;
}

TierPath* TierSet::find(uint64_t bytes) const {
  TierPath* path = choose(bytes, {}, true);
  return path != nullptr ? path : choose(bytes, {}, false);
}

Result<TierPath*> TierSet::allocate(uint64_t bytes, const std::vector<TierPath*>& avoid) {
  std::vector<TierPath*> tried = avoid;
  for (bool within_watermark : {true, false}) {
    // A path found may have been filled by another thread since; then the next best is taken.
    while (TierPath* path = choose(bytes, tried, within_watermark)) {
      if (path->charge(bytes)) return path;
      tried.push_back(path);
    }
    tried = avoid;
  }
  return elsewhere("no tier of this worker has room for " + format_size(bytes), ENOSPC);
}

size_t TierSet::index_of(const TierPath& path) const {
  auto found = std::ranges::find(paths_, &path, [](const auto& owned) { return owned.get(); });
  return static_cast<size_t>(found - paths_.begin());
}

std::vector<TierUsage> TierSet::usage() const {
  std::vector<TierUsage> all;
  for (const std::string& alias : aliases_) {
    TierUsage usage{.alias = alias};
    for (const auto& path : paths_) {
      if (path->tier() != alias) continue;
      usage.quota_bytes += path->quota_bytes();
      usage.used_bytes += path->used_bytes();
      const uint64_t available = path->available_bytes();
      usage.available_bytes += available;
      usage.largest_bytes = std::max(usage.largest_bytes, available);
      usage.surplus_bytes += path->surplus_bytes();
    }
    all.push_back(std::move(usage));
  }
  return all;
}

}  // namespace forebay::worker
