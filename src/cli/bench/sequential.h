// Large files, one for each thread, moved block by block: what `bench write` and `bench read` share.
#pragma once

#include "cli/bench/run.h"

namespace forebay::cli {

struct SequentialOptions {
  BenchOptions bench;
  std::string size = "1GB", block = "1MB";
};
void add_sequential_options(CLI::App* command, SequentialOptions& options);

struct Sequential {
  uint64_t block = 0, blocks_each = 0;  // of every thread's file
};
Result<Sequential> parse_sequential(const SequentialOptions& options);

// Latencies are those of writing or reading one block; the time of close(), when bytes become durable, belongs to the last one.
Result<Phase> write_files(Shell& shell, BenchPlace& place, const Sequential& sequential, int threads);
Result<Phase> read_files(Shell& shell, BenchPlace& place, const Sequential& sequential, int threads);

}  // namespace forebay::cli
