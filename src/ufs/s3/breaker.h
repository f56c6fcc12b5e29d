// One probe finds out that a store is back, not 100,000 tasks.
#pragma once

#include <mutex>
#include <string>

#include "base/status.h"
#include "os/clock.h"
#include "os/random.h"

namespace forebay::ufs {

// After `failures` calls in a row that the store did not answer, or answered with "not now", all calls are refused (`busy`) until
// a pause is over; then one is let through, and its outcome decides. Pauses double up to `most_pause`, with jitter. Any thread;
// the clock and the randomness outlive it.
class CircuitBreaker {
 public:
  struct Config {
    int failures = 8;
    Duration first_pause = std::chrono::seconds(1), most_pause = std::chrono::seconds(60);
  };
  CircuitBreaker(os::Clock& clock, os::Random& random, Config config) : clock_(clock), random_(random), config_(config) {}

  // Before a call; each success here is followed by exactly one of the others.
  Result<void> enter(const std::string& store);
  void succeeded();                   // any answer that shows the store at work, a refusal too
  void failed(std::string why = "");  // `why`: for those who are refused
  void left();                        // neither: the caller cancelled
  bool is_open() const;

 private:
  os::Clock& clock_;
  os::Random& random_;
  const Config config_;
  mutable std::mutex mutex_;
  int in_a_row_ = 0;
  std::string why_;
  bool open_ = false, probing_ = false;
  Duration pause_{0};
  os::Instant until_{};
};

}  // namespace forebay::ufs
