// What a setting is. The settings themselves are in config/table.h.
#pragma once

#include <cstdint>
#include <string_view>

namespace forebay::config {

enum class Kind : uint8_t {
  kText,
  kPath,       // of a file or directory on this host; empty: unset
  kFlag,       // true or false
  kCount,      // whole number within [least, most]
  kPort,       // 0 (any free one) to 65535
  kSize,       // bytes, "64MB"
  kDuration,   // "500ms"
  kChoice,     // one of `choices`
  kList,       // texts separated by commas; empty items are skipped
  kAddresses,  // host or host:port, separated by commas; empty items are skipped
  kTiers,      // ALIAS:PATH:QUOTA[:HIGH:LOW], separated by commas
};

enum class Effect : uint8_t {
  kActive,
  kNone,  // accepted and checked, changes nothing in this version; setting it gives a warning
};

struct Rule {
  uint64_t least = 0, most = UINT64_MAX;  // of counts
  std::string_view choices;               // separated by '|'
  Effect effect = Effect::kActive;
  bool secret = false;  // shown as "******"
};

// One row of the table.
struct Setting {
  std::string_view name;  // "forebay.master.rpc_port"
  Kind kind;
  std::string_view fallback;  // the default, as a user would write it
  std::string_view doc;       // one line
  Rule rule = {};
};

}  // namespace forebay::config
