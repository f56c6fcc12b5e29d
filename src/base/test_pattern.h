// For tests.
#pragma once

#include <cstdint>
#include <string>

namespace forebay {

// Bytes that depend on their place, so that shifted or stale ones are seen.
inline std::string pattern(size_t length, uint64_t seed = 1) {
  std::string text(length, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (char& c : text) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    c = static_cast<char>(state >> 56);
  }
  return text;
}

}  // namespace forebay
