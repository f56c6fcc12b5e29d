// What a run found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay::cluster {

// Collects violations of the contract; the first one is what matters. One thread.
class Verdict {
 public:
  void violation(std::string what) {
    if (violations_.size() < kMost) violations_.push_back(std::move(what));
  }
  bool is_clean() const { return violations_.empty(); }
  const std::vector<std::string>& violations() const { return violations_; }

  // What the run did, to see that it tested something.
  uint64_t acknowledged = 0, refused = 0, uncertain = 0, settled = 0, foreign_reads = 0, disturbances = 0;

 private:
  static constexpr size_t kMost = 20;
  std::vector<std::string> violations_;
};

}  // namespace forebay::cluster
