// Durations, counted so that percentiles cost no memory.
#pragma once

#include <array>
#include <cstdint>

#include "base/units.h"

namespace forebay::cli {

// 64 buckets for each power of two of nanoseconds: percentiles are right to 1.6 %. Not synchronised: one for each thread, then
// merged.
class Latencies {
 public:
  void add(Duration took);
  void merge(const Latencies& other);
  uint64_t count() const { return count_; }
  double percentile_us(double percent) const;  // microseconds; 0 when nothing was added
  double max_us() const { return static_cast<double>(max_) / 1e3; }

 private:
  static constexpr int kSubBits = 6;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static size_t bucket_of(uint64_t nanos);
  static uint64_t middle_of(size_t bucket);
  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0, max_ = 0;
};

}  // namespace forebay::cli
