#include "os/sim_random.h"

namespace forebay::os {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

uint64_t SimRandom::next() { return mix(state_.fetch_add(kGolden) + kGolden); }

SimRandom SimRandom::split(std::string_view label) const {
  uint64_t hash = mix(seed_ + kGolden);
  for (char c : label) hash = mix(hash ^ (static_cast<uint8_t>(c) + kGolden));
  return SimRandom(mix(hash ^ label.size()));
}

}  // namespace forebay::os
