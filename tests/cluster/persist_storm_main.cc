// persist_storm [--world W] [--seed N] [--seeds K] [--operations M] [--logs]
// Storms over a simulated cluster that persists; without --world over each of them. A seed that finds a violation is printed, and
// replays exactly with --seed.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "persist_storm.h"

namespace {

using namespace forebay;

struct Arguments {
  std::vector<std::string> worlds;
  uint64_t seed = 1, seeds = 1, operations = 2'000;
  bool logs = false;
};

bool read_number(const char* text, uint64_t& out) {
  const char* end = text + std::strlen(text);
  auto [stop, error] = std::from_chars(text, end, out);
  return error == std::errc() && stop == end;
}

bool parse(int count, char** words, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--logs") {
      out.logs = true;
      continue;
    }
    if (i + 1 == count) return false;
    const char* value = words[++i];
    uint64_t* number = word == "--seed"         ? &out.seed
                       : word == "--seeds"      ? &out.seeds
                       : word == "--operations" ? &out.operations
                                                : nullptr;
    if (word == "--world")
      out.worlds.emplace_back(value);
    else if (number == nullptr || !read_number(value, *number))
      return false;
  }
  return true;
}

size_t run(const cluster::StormWorld& world, const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  cluster::StormResult total;
  size_t found = 0;
  for (uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds && found < 10; ++seed) {
    cluster::StormResult result = cluster::run_storm(world, seed, arguments.operations, arguments.logs);
    for (const std::string& violation : result.violations) {
      std::cout << "VIOLATION " << violation << "\n  replay: persist_storm --world " << world.name << " --seed " << seed
                << " --operations " << arguments.operations << '\n';
    }
    found += result.violations.size();
    total.operations += result.operations;
    total.failed += result.failed;
    total.kills += result.kills;
    total.cuts += result.cuts;
    total.outages += result.outages;
    total.foreign += result.foreign;
    total.changes += result.changes;
    total.keys += result.keys;
    total.took += result.took;
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "%-20s %3lu seeds %6.1f s: %lu operations (%lu failed) in %.0f min, %lu kills, %lu cuts, %lu outages, %lu by somebody "
      "else, "
      "%lu changes of keys, %lu files at the end, %zu violations\n",
      world.name.c_str(), arguments.seeds, took, total.operations, total.failed,
      std::chrono::duration<double>(total.took).count() / 60, total.kills, total.cuts, total.outages, total.foreign,
      total.changes, total.keys, found);
  std::fflush(stdout);
  return found;
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  if (!parse(count, words, arguments)) {
    std::cerr << "usage: persist_storm [--world NAME]… [--seed N] [--seeds K] [--operations M] [--logs]\n";
    return 2;
  }
  if (arguments.worlds.empty()) {
    for (const cluster::StormWorld& world : cluster::storm_worlds()) arguments.worlds.push_back(world.name);
  }
  size_t violations = 0;
  for (const std::string& name : arguments.worlds) {
    const cluster::StormWorld* world = cluster::find_storm_world(name);
    if (world == nullptr) {
      std::cerr << "no world '" << name << "'\n";
      return 2;
    }
    violations += run(*world, arguments);
  }
  return violations == 0 ? 0 : 1;
}
