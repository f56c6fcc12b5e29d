// What the bench commands share: where they measure, how operations are spread over threads, what is printed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/bench/measure.h"
#include "cli/endpoint.h"

namespace forebay::cli {

struct BenchOptions {
  std::string path;                       // of this host (a mount, say); empty: the cluster through the library
  std::string directory = "/cache-only";  // in the namespace, without --path
  int threads = 4;
  bool keep = false;  // leave the files
};
void add_bench_options(CLI::App* command, BenchOptions& options);

// A fresh directory to measure in, and the way to it. Removed with all that is in it, unless kept.
class BenchPlace {
 public:
  static Result<std::unique_ptr<BenchPlace>> make(Shell& shell, const BenchOptions& options);
  ~BenchPlace();
  Endpoint& endpoint() { return *endpoint_; }
  std::string file(int thread, uint64_t number) const;  // a name of its own for each pair
  const std::string& directory() const { return directory_; }

 private:
  BenchPlace(std::unique_ptr<Endpoint> endpoint, std::string directory, bool keep)
      : endpoint_(std::move(endpoint)), directory_(std::move(directory)), keep_(keep) {}
  void remove_below(const std::string& directory);
  std::unique_ptr<Endpoint> endpoint_;
  const std::string directory_;
  const bool keep_;
};

struct Phase {
  std::string name;
  uint64_t operations = 0, bytes = 0;
  double seconds = 0;
  Latencies latencies;
};

// One operation: on which thread, the how manieth of that thread; answers the bytes moved.
using Operation = std::function<Result<uint64_t>(int thread, uint64_t number)>;

// `each` operations on every thread, all at once, each timed. The first error ends it.
Result<Phase> run_phase(Shell& shell, const std::string& name, int threads, uint64_t each, const Operation& operation);

Result<int> print_phases(Shell& shell, const std::vector<Phase>& phases);

}  // namespace forebay::cli
