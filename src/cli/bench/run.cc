#include "cli/bench/run.h"

#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "cli/format.h"
#include "cli/path.h"
#include "cli/progress.h"

namespace forebay::cli {
namespace {

std::string fixed(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double per_second(uint64_t operations, double seconds) { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }

Json to_json(const Phase& phase) {
  return {{"name", phase.name},
          {"operations", phase.operations},
          {"bytes", phase.bytes},
          {"seconds", phase.seconds},
          {"operations_per_second", per_second(phase.operations, phase.seconds)},
          {"bytes_per_second", per_second(phase.bytes, phase.seconds)},
          {"latency_us",
           {{"p50", phase.latencies.percentile_us(50)},
            {"p90", phase.latencies.percentile_us(90)},
            {"p99", phase.latencies.percentile_us(99)},
            {"p99.9", phase.latencies.percentile_us(99.9)},
            {"max", phase.latencies.max_us()}}}};
}

}  // namespace

void add_bench_options(CLI::App* command, BenchOptions& options) {
  command->add_option("--path", options.path, "measure a directory of this host (a mount, a disk) instead of the library");
  command->add_option("--directory", options.directory, "directory of the namespace to work in, without --path");
  command->add_option("--threads", options.threads, "at once")->check(CLI::Range(1, 1024));
  command->add_flag("--keep", options.keep, "leave the files");
}

Result<std::unique_ptr<BenchPlace>> BenchPlace::make(Shell& shell, const BenchOptions& options) {
  std::unique_ptr<Endpoint> endpoint;
  std::string parent = options.directory;
  if (options.path.empty()) {
    ASSIGN_OR_RETURN(endpoint, cluster_endpoint(shell));
  } else {
    endpoint = local_endpoint();
    parent = std::filesystem::absolute(options.path).string();
  }
  std::string directory = join_path(parent, "forebay-bench-" + std::to_string(getpid()));
  TRY(endpoint->make_directory(directory, 0755));
  std::unique_ptr<BenchPlace> place(new BenchPlace(std::move(endpoint), directory, options.keep));
  for (int thread = 0; thread < options.threads; ++thread)
    TRY(place->endpoint().make_directory(join_path(directory, std::to_string(thread)), 0755));
  return place;
}

BenchPlace::~BenchPlace() {
  if (!keep_) remove_below(directory_);
}

void BenchPlace::remove_below(const std::string& directory) {
  std::vector<std::pair<std::string, bool>> found;
  (void)endpoint_->list(directory, [&](const std::string& name, const Node& node) -> Result<void> {
    found.emplace_back(join_path(directory, name), node.type == v1::FILE_TYPE_DIRECTORY);
    return {};
  });
  for (const auto& [path, is_directory] : found) {
    if (is_directory)
      remove_below(path);
    else
      (void)endpoint_->remove(path);
  }
  (void)endpoint_->remove_directory(directory);
}

std::string BenchPlace::file(int thread, uint64_t number) const {
  return directory_ + "/" + std::to_string(thread) + "/" + std::to_string(number);
}

Result<Phase> run_phase(Shell& shell, const std::string& name, int threads, uint64_t each, const Operation& operation) {
  Phase phase{.name = name};
  std::mutex mutex;  // of `phase` and `problem`
  std::optional<Status> problem;
  std::atomic<bool> stop = false;
  {
    Progress progress(name, shell.json());
    progress.expect(0, each * static_cast<uint64_t>(threads));
    auto work = [&](int thread) {
      Latencies latencies;
      uint64_t bytes = 0;
      for (uint64_t i = 0; i < each && !stop; ++i) {
        auto begin = std::chrono::steady_clock::now();
        Result<uint64_t> moved = operation(thread, i);
        if (!moved) {
          stop = true;
          std::lock_guard lock(mutex);
          if (!problem) problem = moved.error();
          return;
        }
        latencies.add(std::chrono::steady_clock::now() - begin);
        bytes += *moved;
        progress.done(*moved, 1);
      }
      std::lock_guard lock(mutex);
      phase.latencies.merge(latencies);
      phase.bytes += bytes;
    };
    auto begin = std::chrono::steady_clock::now();
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<size_t>(threads));
    for (int thread = 0; thread < threads; ++thread) workers.emplace_back(work, thread);
    workers.clear();
    phase.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  if (problem) return std::unexpected(*std::move(problem));
  phase.operations = phase.latencies.count();
  return phase;
}

Result<int> print_phases(Shell& shell, const std::vector<Phase>& phases) {
  if (shell.json()) {
    Json json = Json::array();
    for (const Phase& phase : phases) json.push_back(to_json(phase));
    print_json(json);
    return 0;
  }
  Table table({"PHASE", "OPS", "SECONDS", "OPS/s", "MB/s", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us"});
  for (size_t column = 1; column < 10; ++column) table.right_align(column);
  for (const Phase& phase : phases)
    table.add({phase.name, std::to_string(phase.operations), fixed(phase.seconds, 2),
               fixed(per_second(phase.operations, phase.seconds), 0),
               phase.bytes == 0 ? "-" : fixed(per_second(phase.bytes, phase.seconds) / 1e6, 1),
               fixed(phase.latencies.percentile_us(50), 1), fixed(phase.latencies.percentile_us(90), 1),
               fixed(phase.latencies.percentile_us(99), 1), fixed(phase.latencies.percentile_us(99.9), 1),
               fixed(phase.latencies.max_us(), 1)});
  print(table.text());
  return 0;
}

}  // namespace forebay::cli
