// Randomness of the simulation.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "os/random.h"

namespace forebay::os {

// The same seed gives the same numbers, for ever and on every machine (SplitMix64). split() gives an independent stream that
// depends on the seed and the label alone, not on how much was drawn: one more draw in one role leaves the others' numbers as
// they were. Any thread; with several threads drawing, who gets which number is theirs to order.
class SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed) : seed_(seed), state_(seed) {}
  SimRandom(const SimRandom& other) : seed_(other.seed_), state_(other.state_.load()) {}

  uint64_t next() override;
  SimRandom split(std::string_view label) const;
  uint64_t seed() const { return seed_; }

  bool one_in(uint64_t n) { return n != 0 && below(n) == 0; }    // never for 0
  bool percent(uint64_t chance) { return below(100) < chance; }  // 0: never, 100: always
  uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }

 private:
  const uint64_t seed_;
  std::atomic<uint64_t> state_;
};

}  // namespace forebay::os
