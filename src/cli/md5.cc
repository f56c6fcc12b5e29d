#include "cli/md5.h"

#include <bit>
#include <cmath>
#include <cstdio>

namespace forebay::cli {
namespace {

constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

// floor(2^32 · |sin(i + 1)|), as the standard defines its constants.
std::array<uint32_t, 64> sines() {
  std::array<uint32_t, 64> table{};
  for (size_t i = 0; i < 64; ++i)
    table[i] = static_cast<uint32_t>(std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
  return table;
}

}  // namespace

void Md5::block(const std::byte* data) {
  static const std::array<uint32_t, 64> kSines = sines();
  uint32_t words[16];
  for (size_t i = 0; i < 16; ++i) words[i] = load_little_endian<uint32_t>(data + 4 * i);
  auto [a, b, c, d] = state_;
  for (uint32_t i = 0; i < 64; ++i) {
    uint32_t mix = 0, word = 0;
    switch (i / 16) {
      case 0: mix = (b & c) | (~b & d), word = i; break;
      case 1: mix = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
      case 2: mix = b ^ c ^ d, word = (3 * i + 5) % 16; break;
      default: mix = c ^ (b | ~d), word = (7 * i) % 16;
    }
    uint32_t next = b + std::rotl(a + mix + kSines[i] + words[word], kShifts[i / 16][i % 4]);
    a = d, d = c, c = b, b = next;
  }
  state_[0] += a, state_[1] += b, state_[2] += c, state_[3] += d;
}

void Md5::add(Bytes data) {
  size_t held = length_ % 64;
  length_ += data.size();
  if (held > 0) {
    size_t take = std::min(64 - held, data.size());
    std::memcpy(pending_.data() + held, data.data(), take);
    data = data.subspan(take);
    if (held + take < 64) return;
    block(pending_.data());
  }
  for (; data.size() >= 64; data = data.subspan(64)) block(data.data());
  if (!data.empty()) std::memcpy(pending_.data(), data.data(), data.size());
}

std::string Md5::finish() {
  std::array<std::byte, 8> bits{};
  store_little_endian<uint64_t>(bits.data(), length_ * 8);
  const std::byte one{0x80}, zero{0};
  add(Bytes(&one, 1));
  while (length_ % 64 != 56) add(Bytes(&zero, 1));
  add(bits);
  std::string text;
  for (uint32_t word : state_) {
    char digits[12];
    std::snprintf(digits, sizeof digits, "%08x", std::byteswap(word));
    text += digits;
  }
  return text;
}

}  // namespace forebay::cli
