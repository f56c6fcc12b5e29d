// What the bench commands share: the options, the run on the cluster and on the medium it is compared with, what is printed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/bench/phase.h"
#include "cli/bench/place.h"

namespace forebay::cli {

struct BenchOptions {
  std::string path;                       // of this host (a mount, say); empty: the cluster through the library
  std::string directory = "/cache-only";  // in the namespace, without --path
  std::string medium;                     // a directory of this host where the same is measured first, as the limit; empty: none
  bool remote = false;  // as if the workers were on other hosts; the limit is a plain TCP connection into the medium
  int threads = 4;
  bool keep = false;  // leave the files
};
void add_bench_options(Command command, BenchOptions& options, const std::string& threads = "--threads");

// One run of a measurement in one place. One thread; the operations it is given run on many.
class Bench {
 public:
  Bench(BenchPlace& place, int threads, bool show_progress, std::string prefix)
      : place_(place), threads_(threads), show_progress_(show_progress), prefix_(std::move(prefix)) {}
  BenchPlace& place() { return place_; }
  Endpoint& files() { return place_.files(); }
  int threads() const { return threads_; }

  Result<Phase> time(const std::string& name, int threads, uint64_t each, const Operation& operation) const;
  void report(Phase phase) { phases_.push_back(std::move(phase)); }
  // Both, on all threads.
  Result<void> phase(const std::string& name, uint64_t each, const Operation& operation);
  std::vector<Phase> take() { return std::move(phases_); }

 private:
  BenchPlace& place_;
  const int threads_;
  const bool show_progress_;
  const std::string prefix_;  // says in the progress line what is measured
  std::vector<Phase> phases_;
};

// The phases have the same names in the same order, whichever place it is.
using Measurement = std::function<Result<void>(Bench&)>;

// Measures on the medium, if there is one, then where the options say, and prints both with their ratio.
Result<int> run_bench(Shell& shell, const BenchOptions& options, const Measurement& measurement);

}  // namespace forebay::cli
