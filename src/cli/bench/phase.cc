#include "cli/bench/phase.h"

#include <signal.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cli/progress.h"

namespace forebay::cli {
namespace {

std::atomic<bool> interrupted = false;  // by a signal: it can reach nothing else

double rate(uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

}  // namespace

void Phase::add(const Phase& other) {
  operations += other.operations;
  bytes += other.bytes;
  seconds += other.seconds;
  latencies.merge(other.latencies);
}

double Phase::per_second() const { return rate(bytes > 0 ? bytes : operations, seconds); }

void end_phases_by_signal() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

Result<Phase> run_phase(const std::string& name, int threads, uint64_t each, bool show_progress, const Operation& operation) {
  Phase phase{.name = name};
  std::mutex mutex;  // of `phase` and `problem`
  std::optional<Status> problem;
  std::atomic<bool> stop = false;
  {
    Progress progress(name, !show_progress);
    progress.expect(0, each * static_cast<uint64_t>(threads));
    auto work = [&](int thread) {
      Latencies latencies;
      uint64_t bytes = 0;
      for (uint64_t i = 0; i < each && !stop && !interrupted; ++i) {
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
  if (problem) return std::unexpected(std::move(*problem).with_context("phase '" + name + "'"));
  if (interrupted) return cancelled("interrupted in phase '" + name + "'");
  phase.operations = phase.latencies.count();
  return phase;
}

}  // namespace forebay::cli
