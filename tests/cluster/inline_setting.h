// Whether the clients of a test keep small files inline. The tests of a program run both ways: see CMakeLists.txt.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace forebay::cluster {

// Of FOREBAY_INLINE_BYTES; without it 0: never.
inline uint64_t inline_bytes_of_test() {
  const char* text = std::getenv("FOREBAY_INLINE_BYTES");
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

}  // namespace forebay::cluster
