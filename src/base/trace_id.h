// Names one operation of a user in everything that is done for it.
#pragma once

#include <cstdint>
#include <string>

namespace forebay {

// 128 random bits; zero: none. A client gives one to each operation, calls carry it, logs and errors show it. Value type.
struct TraceId {
  uint64_t hi = 0, lo = 0;

  explicit operator bool() const { return (hi | lo) != 0; }
  bool operator==(const TraceId&) const = default;
};

inline std::string to_string(TraceId trace) {  // 32 hexadecimal digits
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint64_t half : {trace.hi, trace.lo})
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(half >> shift) & 15];
  return text;
}

}  // namespace forebay
