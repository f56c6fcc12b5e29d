#include "cli/bench/sequential.h"

#include "base/units.h"

namespace forebay::cli {
namespace {

// Not compressible, and different in every block of a size.
std::vector<std::byte> noise(uint64_t size, uint64_t seed) {
  std::vector<std::byte> bytes(size);
  uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (std::byte& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::byte>(state);
  }
  return bytes;
}

}  // namespace

void add_sequential_options(CLI::App* command, SequentialOptions& options) {
  add_bench_options(command, options.bench);
  command->add_option("--size", options.size, "of all files together");
  command->add_option("--block", options.block, "moved at once");
}

Result<Sequential> parse_sequential(const SequentialOptions& options) {
  ASSIGN_OR_RETURN(uint64_t size, parse_size(options.size));
  ASSIGN_OR_RETURN(uint64_t block, parse_size(options.block));
  if (block == 0 || block > 256 * kMiB) return invalid("--block has to be between 1 byte and 256MB");
  uint64_t blocks = size / block / static_cast<uint64_t>(options.bench.threads);
  if (blocks == 0) return invalid("--size has to be at least --block times --threads");
  return Sequential{block, blocks};
}

Result<Phase> write_files(Shell& shell, BenchPlace& place, const Sequential& sequential, int threads) {
  std::vector<std::unique_ptr<OpenedFile>> files(static_cast<size_t>(threads));
  std::vector<std::vector<std::byte>> blocks;
  blocks.reserve(files.size());
  for (int thread = 0; thread < threads; ++thread) blocks.push_back(noise(sequential.block, static_cast<uint64_t>(thread)));
  return run_phase(shell, "write", threads, sequential.blocks_each, [&](int thread, uint64_t i) -> Result<uint64_t> {
    auto at = static_cast<size_t>(thread);
    if (i == 0) {
      ASSIGN_OR_RETURN(files[at], place.endpoint().create(place.file(thread, 0), 0644, Existing::kRefuse));
    }
    TRY(files[at]->write_at(blocks[at], i * sequential.block));
    if (i + 1 == sequential.blocks_each) TRY(files[at]->finish());
    return sequential.block;
  });
}

Result<Phase> read_files(Shell& shell, BenchPlace& place, const Sequential& sequential, int threads) {
  std::vector<std::unique_ptr<OpenedFile>> files(static_cast<size_t>(threads));
  std::vector<std::vector<std::byte>> blocks(files.size(), std::vector<std::byte>(sequential.block));
  return run_phase(shell, "read", threads, sequential.blocks_each, [&](int thread, uint64_t i) -> Result<uint64_t> {
    auto at = static_cast<size_t>(thread);
    if (i == 0) {
      ASSIGN_OR_RETURN(files[at], place.endpoint().open(place.file(thread, 0)));
    }
    ASSIGN_OR_RETURN(size_t got, files[at]->read_at(blocks[at], i * sequential.block));
    if (got != sequential.block) return corrupt(place.file(thread, 0) + " is shorter than it was written");
    if (i + 1 == sequential.blocks_each) TRY(files[at]->finish());
    return sequential.block;
  });
}

}  // namespace forebay::cli
