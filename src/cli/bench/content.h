// Bytes to write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forebay::cli {

// A sequence of numbers that looks random, the same for the same seed. Cheap: it must not be what is measured.
class Noise {
 public:
  explicit Noise(uint64_t seed) : state_((seed + 1) * 0x9e3779b97f4a7c15) {}
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_;
};

// Not compressible, and different for every seed.
inline std::vector<std::byte> noise_block(uint64_t size, uint64_t seed) {
  std::vector<std::byte> bytes(size);
  Noise noise(seed);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(noise.next() >> 24);
  return bytes;
}

}  // namespace forebay::cli
