// How much the coordinator does at a time.
#pragma once

#include <array>
#include <cstdint>

#include "forebay/v1/coordinator.pb.h"
#include "os/clock.h"

namespace forebay::coordinator {

// Counts of one lane.
struct LaneCount {
  size_t waiting = 0, running = 0;
};

// What has been done since the start, and its rate over the last ten whole seconds. Owned by the coordinator. On one executor.
class PaceCount {
 public:
  LaneCount small, large;

  void ended(bool done, uint64_t bytes) {
    ++(done ? done_ : failed_);
    if (done) bytes_ += bytes;
  }
  // Once a second.
  void tick() {
    at_[next_] = bytes_;
    next_ = (next_ + 1) % at_.size();
    if (ticks_ < at_.size()) ++ticks_;
  }
  void describe(v1::Pace& pace) const {
    pace.set_small_running(small.running);
    pace.set_small_waiting(small.waiting);
    pace.set_large_running(large.running);
    pace.set_large_waiting(large.waiting);
    pace.set_bytes(bytes_);
    pace.set_done(done_);
    pace.set_failed(failed_);
    const uint64_t before = ticks_ < at_.size() ? 0 : at_[next_];
    pace.set_bytes_per_second(ticks_ == 0 ? 0 : (bytes_ - before) / ticks_);
  }

 private:
  uint64_t bytes_ = 0, done_ = 0, failed_ = 0;
  std::array<uint64_t, 10> at_{};  // bytes_ at each of the last ticks, a ring
  size_t next_ = 0, ticks_ = 0;
};

}  // namespace forebay::coordinator
