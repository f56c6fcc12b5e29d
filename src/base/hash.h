// A hash for places and names: the same everywhere and for ever, and no protection against anybody.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace forebay {

struct Hash128 {
  uint64_t high = 0, low = 0;
  auto operator<=>(const Hash128&) const = default;
};

uint64_t hash64(std::string_view text, uint64_t seed = 0);
Hash128 hash128(std::string_view text);

}  // namespace forebay

template <>
struct std::hash<forebay::Hash128> {
  size_t operator()(const forebay::Hash128& hash) const noexcept { return static_cast<size_t>(hash.low); }
};
