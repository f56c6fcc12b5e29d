#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <climits>

namespace forebay {
namespace {

// Multiplication of polynomials modulo the Castagnoli polynomial, in reflected bit order.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b & 1) ? (b >> 1) ^ kPolynomial : b >> 1;
  }
  return product;
}

// kPowers[k] = x^(8 * 2^k): appending 2^k zero bytes.
constexpr std::array<uint32_t, 64> kPowers = [] {
  std::array<uint32_t, 64> powers{};
  uint32_t power = 0x80000000u >> 8;  // x^8
  for (uint32_t& entry : powers) {
    entry = power;
    power = multiply(power, power);
  }
  return powers;
}();

}  // namespace

uint32_t crc32c(Bytes data, uint32_t crc) {
  // isa-l takes the raw register, without the usual inversion at both ends, and an int length.
  uint32_t state = ~crc;
  while (!data.empty()) {
    size_t piece = std::min<size_t>(data.size(), INT_MAX / 2);
    state = crc32_iscsi(const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(data.data())), static_cast<int>(piece),
                        state);
    data = data.subspan(piece);
  }
  return ~state;
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  for (size_t k = 0; length_b != 0; ++k, length_b >>= 1)
    if (length_b & 1) crc_a = multiply(kPowers[k], crc_a);
  return crc_a ^ crc_b;
}

}  // namespace forebay
