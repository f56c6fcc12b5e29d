#include "cli/bench/measure.h"

#include <algorithm>
#include <bit>

namespace forebay::cli {

// Below 2^6 a bucket is one nanosecond; above, the leading bit gives the row and the six bits behind it the column.
size_t Latencies::bucket_of(uint64_t nanos) {
  if (nanos < (1 << kSubBits)) return static_cast<size_t>(nanos);
  int shift = std::bit_width(nanos) - 1 - kSubBits;
  return (static_cast<size_t>(shift + 1) << kSubBits) + static_cast<size_t>((nanos >> shift) & ((1 << kSubBits) - 1));
}

uint64_t Latencies::middle_of(size_t bucket) {
  size_t row = bucket >> kSubBits;
  if (row == 0) return bucket;
  uint64_t low = ((uint64_t{1} << kSubBits) | (bucket & ((1 << kSubBits) - 1))) << (row - 1);
  return low + (uint64_t{1} << (row - 1)) / 2;
}

void Latencies::add(Duration took) {
  auto nanos = static_cast<uint64_t>(std::max<int64_t>(took.count(), 0));
  ++buckets_[bucket_of(nanos)];
  ++count_;
  max_ = std::max(max_, nanos);
}

void Latencies::merge(const Latencies& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

double Latencies::percentile_us(double percent) const {
  if (count_ == 0) return 0;
  auto rank = static_cast<uint64_t>(percent / 100 * static_cast<double>(count_));
  rank = std::min(rank, count_ - 1);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen > rank) return static_cast<double>(std::min(middle_of(i), max_)) / 1e3;
  }
  return max_us();
}

}  // namespace forebay::cli
