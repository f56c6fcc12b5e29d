// The values of all settings, each with where it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "config/table.h"
#include "config/tiers.h"

namespace forebay::config {

// A value as it may be printed: of a secret nothing, of a URL not its password.
std::string shown_value(const Setting& setting, std::string_view value);

// A value for every row of the table; the default until set. What is in here has been checked, so reading it cannot fail. A plain
// value: copied at will, read by any thread.
class Settings {
 public:
  Settings();

  // Checks and takes a value; `where` is its origin for people. An error names the key, the value and the origin, changes
  // nothing.
  Result<void> set(size_t index, std::string_view value, std::string where);

  std::string text(Name<Kind::kText, Kind::kPath, Kind::kChoice> name) const { return values_[name.index()].text; }
  bool flag(Name<Kind::kFlag> name) const;
  uint64_t count(Name<Kind::kCount> name) const;
  uint16_t port(Name<Kind::kPort> name) const;
  uint64_t size(Name<Kind::kSize> name) const;
  Duration duration(Name<Kind::kDuration> name) const;
  std::vector<std::string> list(Name<Kind::kList, Kind::kAddresses> name) const;
  std::vector<Tier> tiers(Name<Kind::kTiers> name) const;

  // By place in the table, for printing.
  const std::string& raw(size_t index) const { return values_[index].text; }
  std::string shown(size_t index) const { return shown_value(kTable[index], values_[index].text); }
  const std::string& origin(size_t index) const { return values_[index].origin; }
  bool is_default(size_t index) const { return values_[index].origin == kDefault; }

  static constexpr std::string_view kDefault = "default";

 private:
  struct Value {
    std::string text, origin;
  };
  std::vector<Value> values_;
};

// What is wrong with a value for a row, without saying where it stands; nothing if it may be set.
Result<void> check_value(const Setting& setting, std::string_view value);

// "no setting 'forebay.mastr.rpc_port' (did you mean 'forebay.master.rpc_port'?)"
std::string unknown_key_message(std::string_view key);

}  // namespace forebay::config
