// One kind of operation, repeated on several threads at once and timed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/status.h"
#include "cli/bench/measure.h"

namespace forebay::cli {

struct Phase {
  std::string name;
  uint64_t operations = 0, bytes = 0;
  double seconds = 0;
  Latencies latencies;
  std::optional<Duration> longest_gap;  // see Endpoint

  void add(const Phase& other);  // a part that ran before or after this one
  // Bytes where any were moved, else operations.
  double per_second() const;
};

// One operation: on which thread, the how manieth of that thread; answers the bytes moved.
using Operation = std::function<Result<uint64_t>(int thread, uint64_t number)>;

// `each` operations on every thread, all at once, each timed. The first error ends it, and so does SIGINT or SIGTERM, as an
// error.
Result<Phase> run_phase(const std::string& name, int threads, uint64_t each, bool show_progress, const Operation& operation);

// From now on the first SIGINT or SIGTERM ends the phase that runs; the second one ends the process.
void end_phases_by_signal();

}  // namespace forebay::cli
