// The tiers of a worker, fastest first, and the choice of a path for a new object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "worker/tiers/tier_path.h"

namespace forebay::worker {

struct PathConfig {
  std::string path;
  uint64_t quota_bytes = 0;
};

struct TierConfig {
  std::string alias;   // unique in a worker: "MEM", "SSD", …
  std::string medium;  // "MEM", "SSD" or "HDD": says whether its calls may block
  std::vector<PathConfig> paths;
  Watermarks watermarks;
};

struct TierUsage {
  std::string alias;
  uint64_t quota_bytes = 0, used_bytes = 0, available_bytes = 0;
  uint64_t largest_bytes = 0;  // available on one path
  uint64_t surplus_bytes = 0;  // of paths above their high watermark, down to the low one
};

// At least one tier, distinct aliases and paths, quotas of at least kMinQuota, low <= high <= 1. `invalid`, naming what is wrong.
Result<void> check_tiers(const std::vector<TierConfig>& tiers);

inline constexpr uint64_t kMinQuota = kMiB;
inline constexpr size_t kMaxPaths = 255;  // of a worker, all tiers together: a path is one byte in the index of objects

// Owned by the store. Any thread; holds no lock across I/O.
class TierSet {
 public:
  explicit TierSet(const std::vector<TierConfig>& tiers);  // checked by check_tiers

  // Charges `bytes` to the best path: tiers in order, in a tier the path with most room; paths above their high watermark only
  // when no tier has another. `avoid` are paths that were tried and turned out to be full below their quota. ENOSPC as
  // `elsewhere`: nothing has room.
  Result<TierPath*> allocate(uint64_t bytes, const std::vector<TierPath*>& avoid);

  // The path that allocate() would take now, uncharged; null: nothing has room.
  TierPath* find(uint64_t bytes) const;

  const std::vector<std::unique_ptr<TierPath>>& paths() const { return paths_; }  // in the order of the configuration
  TierPath& path(size_t index) const { return *paths_[index]; }
  size_t index_of(const TierPath& path) const;
  std::vector<TierUsage> usage() const;

 private:
  TierPath* choose(uint64_t bytes, const std::vector<TierPath*>& avoid, bool within_watermark) const;

  std::vector<std::string> aliases_;  // in order
  std::vector<std::unique_ptr<TierPath>> paths_;
};

}  // namespace forebay::worker
