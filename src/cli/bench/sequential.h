// Large files, moved block by block: what `bench write`, `read` and `mixed` share.
#pragma once

#include "cli/bench/run.h"

namespace forebay::cli {

struct SequentialOptions {
  BenchOptions bench;
  std::string size = "1GB", block = "1MB";
};
void add_sequential_options(Command command, SequentialOptions& options);

struct Sequential {
  uint64_t block = 0, blocks_each = 0;  // of every thread's file
};
Result<Sequential> parse_sequential(const SequentialOptions& options);

// Phases "write" and "read": file 0 of every thread. Latencies are those of one block; the time of close(), when bytes become
// durable, belongs to the last one.
Result<void> write_files(Bench& bench, const Sequential& sequential);
Result<void> read_files(Bench& bench, const Sequential& sequential);

}  // namespace forebay::cli
