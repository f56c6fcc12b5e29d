// Sizes and durations as users write them: "64MB", "1.5GiB", "500ms", "2h". KB, MB, … are read as powers of 1,024, as the
// reference system does; Ki, Mi, … the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace forebay {

inline constexpr uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;

using Duration = std::chrono::nanoseconds;

Result<uint64_t> parse_size(std::string_view text);      // bytes; no unit means bytes
Result<Duration> parse_duration(std::string_view text);  // needs a unit, except "0"
std::string format_size(uint64_t bytes);                 // "64.0MiB", exact bytes below 1 KiB
std::string format_duration(Duration duration);          // "1.5s", shortest form that parse_duration reads back exactly

}  // namespace forebay
