// Keys of the reference system (alluxio.*), each mapped to one setting: the only list.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/sources.h"

namespace forebay::config {

struct CompatibleKey {
  std::string_view theirs, ours;
  // Their value as ours; none: it is used as it is.
  Result<std::string> (*translate)(std::string_view value) = nullptr;
};
std::span<const CompatibleKey> compatible_keys();

// The setting that a compatible key stands for; nothing for other keys. Tier keys (…tieredstore.level0.alias) give the tiers'
// setting.
std::optional<std::string_view> compatible_setting(std::string_view key);

// Collects …worker.tieredstore.* keys, which together say what one setting does. Later values of a key replace earlier ones.
class CompatibleTiers {
 public:
  // False: not a key of tiers. Errors name the key and where it stands.
  Result<bool> take(const Entry& entry);
  // The tiers as a value of forebay.worker.tiers, with the origin of the first path; nothing when no path was named.
  Result<std::optional<Entry>> assemble() const;

 private:
  struct Level {
    std::vector<std::string> paths, quotas;
    std::string alias, media, where, high, low;
  };
  Result<void> append_level(size_t number, const Level& level, std::string& text) const;
  std::optional<size_t> levels_;
  std::vector<Level> level_;
};

}  // namespace forebay::config
