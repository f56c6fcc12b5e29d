// Views of raw bytes, and fixed-width encodings. Big-endian keys sort as numbers; wire and disk structures are little-endian.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace forebay {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

inline void append_big_endian(std::string& out, uint64_t value) {
  value = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline uint64_t read_big_endian(std::string_view eight_bytes) {
  uint64_t value = 0;
  std::memcpy(&value, eight_bytes.data(), sizeof value);
  return std::byteswap(value);
}
template <class T>
T load_little_endian(const std::byte* from) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store_little_endian(std::byte* to, T value) {
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace forebay
