// Seam: randomness.
#pragma once

#include <cstdint>

namespace forebay::os {

// Uniform 64-bit numbers. Any thread. The real one draws from the kernel; the simulation's is seeded.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;

  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : next() % bound; }  // the bias is below 2^-32 for any bound used here
};

Random& real_random();

}  // namespace forebay::os
