// simulate --scenario F [--seed N] [--seeds K] [--twice] [--trace] [--logs]
// Runs scenarios in a simulated cluster. A seed that finds a violation is printed, and replays exactly with --seed.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "os/file.h"
#include "run.h"

namespace {

using namespace forebay;

struct Arguments {
  std::vector<std::string> scenarios;
  uint64_t seed = 1, seeds = 1;
  bool twice = false, trace = false, logs = false;
};

bool read_number(const char* text, uint64_t& out) {
  const char* end = text + std::strlen(text);
  auto [stop, error] = std::from_chars(text, end, out);
  return error == std::errc() && stop == end;
}

bool parse(int count, char** words, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : nullptr;
    if (word == "--twice") {
      out.twice = true;
    } else if (word == "--trace") {
      out.trace = true;
    } else if (word == "--logs") {
      out.logs = true;
    } else if (word == "--scenario" && value) {
      out.scenarios.emplace_back(words[++i]);
    } else if (word == "--seed" && value) {
      if (!read_number(words[++i], out.seed)) return false;
    } else if (word == "--seeds" && value) {
      if (!read_number(words[++i], out.seeds)) return false;
    } else {
      return false;
    }
  }
  return !out.scenarios.empty();
}

// Violations found with this seed.
size_t run_seed(const cluster::Scenario& scenario, const std::string& file, uint64_t seed, const Arguments& arguments,
                cluster::Verdict& total) {
  cluster::RunOptions options{.logs = arguments.logs};
  if (arguments.trace) options.trace = [](std::string_view line) { std::cout << line << '\n'; };
  cluster::RunResult result = cluster::run_scenario(scenario, seed, options);
  if (arguments.twice && cluster::run_scenario(scenario, seed, options).digest != result.digest) {
    result.verdict.violation("the same seed gave another history");
  }
  for (const std::string& violation : result.verdict.violations()) {
    std::cout << "VIOLATION " << violation << "\n  replay: simulate --scenario " << file << " --seed " << seed << '\n';
  }
  total.acknowledged += result.verdict.acknowledged;
  total.refused += result.verdict.refused;
  total.uncertain += result.verdict.uncertain;
  total.settled += result.verdict.settled;
  total.foreign_reads += result.verdict.foreign_reads;
  total.disturbances += result.verdict.disturbances;
  if (arguments.seeds == 1) std::printf("seed %lu digest %016lx, %lu events\n", seed, result.digest, result.events);
  return result.verdict.violations().size();
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  if (!parse(count, words, arguments)) {
    std::cerr << "usage: simulate --scenario FILE… [--seed N] [--seeds K] [--twice] [--trace] [--logs]\n";
    return 2;
  }
  size_t violations = 0;
  for (const std::string& file : arguments.scenarios) {
    auto text = os::real_files().read_whole(file, 1 << 20);
    auto scenario = text ? cluster::parse_scenario(*text, file) : std::unexpected(text.error());
    if (!scenario) {
      std::cerr << scenario.error().to_string() << '\n';
      return 2;
    }
    const auto begin = std::chrono::steady_clock::now();
    cluster::Verdict total;
    size_t found = 0;
    for (uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds && found < 10; ++seed) {
      found += run_seed(*scenario, file, seed, arguments, total);
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf(
        "%-28s %4lu seeds %6.1f s: %lu acknowledged, %lu refused, %lu uncertain, %lu settled, %lu foreign reads, "
        "%lu disturbances, %zu violations\n",
        scenario->name.c_str(), arguments.seeds, took, total.acknowledged, total.refused, total.uncertain, total.settled,
        total.foreign_reads, total.disturbances, found);
    violations += found;
  }
  return violations == 0 ? 0 : 1;
}
