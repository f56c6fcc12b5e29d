// Random operations from a seed.
#pragma once

#include <array>
#include <random>
#include <string>
#include <vector>

#include "op.h"

namespace posix_diff {

constexpr int kMostActors = 4;

// The sequence of operations that a seed stands for; the same wherever the answers are. Few names, so that they meet, and
// mostly those of which the answers so far say that they exist.
class Generator {
 public:
  Generator(uint64_t seed, int actors);
  Op next();
  // What the operation gave: an errno, or 0.
  void learn(const Op& op, int error);

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  std::string name();
  std::string path();
  std::string existing_path(Kind kind);
  std::string new_path();
  void remember(std::vector<std::string>& paths, const std::string& path);
  int open_flags();
  uint32_t mode();
  int64_t offset();
  int64_t length();
  int64_t time();
  void fill_path_call(Op& op);
  void fill_descriptor_call(Op& op);
  void fill_attribute_call(Op& op);
  std::string attribute();
  int32_t pick_slot(const Op& op);

  std::mt19937_64 random_;
  const int actors_;
  std::vector<std::string> known_, files_, directories_;   // at most kMostKnown each
  std::array<std::array<int, kSlots>, kMostActors> open_;  // flags of the open descriptors, kClosed of the others
};

}  // namespace posix_diff
