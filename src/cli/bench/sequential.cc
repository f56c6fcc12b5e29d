#include "cli/bench/sequential.h"

#include "base/units.h"
#include "cli/bench/content.h"

namespace forebay::cli {

void add_sequential_options(Command command, SequentialOptions& options) {
  add_bench_options(command, options.bench);
  command.option("--size", options.size, "of all files together").with_default_shown();
  command.option("--block", options.block, "moved at once").with_default_shown();
  command.flag("--remote", options.bench.remote,
               "as if every worker were on another host, beside a plain TCP connection into --medium");
}

Result<Sequential> parse_sequential(const SequentialOptions& options) {
  ASSIGN_OR_RETURN(uint64_t size, parse_size(options.size));
  ASSIGN_OR_RETURN(uint64_t block, parse_size(options.block));
  if (block == 0 || block > 256 * kMiB) return invalid("--block has to be between 1 byte and 256MB");
  uint64_t blocks = size / block / static_cast<uint64_t>(options.bench.threads);
  if (blocks == 0) return invalid("--size has to be at least --block times --threads");
  return Sequential{block, blocks};
}

Result<void> write_files(Bench& bench, const Sequential& sequential) {
  std::vector<std::unique_ptr<OpenedFile>> files(static_cast<size_t>(bench.threads()));
  std::vector<std::vector<std::byte>> blocks;
  blocks.reserve(files.size());
  for (size_t thread = 0; thread < files.size(); ++thread) blocks.push_back(noise_block(sequential.block, thread));
  auto write = [&](int thread, uint64_t i) -> Result<uint64_t> {
    auto at = static_cast<size_t>(thread);
    if (i == 0) {
      ASSIGN_OR_RETURN(files[at], bench.files().create(bench.place().file(thread, 0), 0644, Existing::kRefuse));
    }
    TRY(files[at]->write_at(blocks[at], i * sequential.block));
    if (i + 1 == sequential.blocks_each) TRY(files[at]->finish());
    return sequential.block;
  };
  ASSIGN_OR_RETURN(Phase phase, bench.time("write", bench.threads(), sequential.blocks_each, write));
  phase.longest_gap = bench.files().longest_gap();
  bench.report(std::move(phase));
  return {};
}

Result<void> read_files(Bench& bench, const Sequential& sequential) {
  std::vector<std::unique_ptr<OpenedFile>> files(static_cast<size_t>(bench.threads()));
  std::vector<std::vector<std::byte>> blocks(files.size(), std::vector<std::byte>(sequential.block));
  return bench.phase("read", sequential.blocks_each, [&](int thread, uint64_t i) -> Result<uint64_t> {
    auto at = static_cast<size_t>(thread);
    if (i == 0) {
      ASSIGN_OR_RETURN(files[at], bench.files().open(bench.place().file(thread, 0)));
    }
    ASSIGN_OR_RETURN(size_t got, files[at]->read_at(blocks[at], i * sequential.block));
    if (got != sequential.block) return corrupt(bench.place().file(thread, 0) + " is shorter than it was written");
    if (i + 1 == sequential.blocks_each) TRY(files[at]->finish());
    return sequential.block;
  });
}

}  // namespace forebay::cli
