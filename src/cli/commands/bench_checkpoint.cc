#include <cstring>

#include "base/units.h"
#include "cli/bench/content.h"
#include "cli/bench/run.h"
#include "cli/commands/commands.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

struct Options {
  BenchOptions bench;
  std::string size = "64MB", block = "1MB";
  uint64_t rounds = 3;
};

// What a training job does. Every round each rank writes its shard into a directory of the round; when all are closed, a marker
// that names the round is written beside it and renamed over the one of before; then the checkpoint of before is removed. At the
// end a restart: every rank reads the marker and its shard, and compares. Two checkpoints exist at most.
class Checkpoints {
 public:
  Checkpoints(Bench& bench, uint64_t block, uint64_t blocks) : bench_(bench), block_(block), blocks_(blocks) {
    const auto ranks = static_cast<size_t>(bench.threads());
    contents_.reserve(ranks);
    for (size_t rank = 0; rank < ranks; ++rank) contents_.push_back(noise_block(block, rank));
    read_.assign(ranks, std::vector<std::byte>(block));
  }

  Result<void> run(uint64_t rounds) {
    for (uint64_t round = 0; round < rounds; ++round) TRY(save(round));
    ASSIGN_OR_RETURN(Phase restored,
                     bench_.time("restore", bench_.threads(), 1, [&](int rank, uint64_t) { return restore(rank); }));
    for (Phase* phase : {&shards_, &markers_, &saves_, &removals_}) bench_.report(std::move(*phase));
    bench_.report(std::move(restored));
    return {};
  }

 private:
  std::string step(uint64_t round) const { return join_path(bench_.place().directory(), "step-" + std::to_string(round)); }
  std::string shard(uint64_t round, int rank) const { return join_path(step(round), "rank-" + std::to_string(rank)); }
  std::string marker() const { return join_path(bench_.place().directory(), "latest"); }
  // The bytes differ from block to block and from round to round: where a block begins says which one it is.
  void stamp(std::vector<std::byte>& content, uint64_t round, uint64_t block) const {
    const uint64_t number = round * blocks_ + block;
    std::memcpy(content.data(), &number, std::min(sizeof number, content.size()));
  }

  Result<void> save(uint64_t round) {
    const auto begin = std::chrono::steady_clock::now();
    TRY(bench_.files().make_directory(step(round), 0755));
    ASSIGN_OR_RETURN(const Phase shards,
                     bench_.time("shards", bench_.threads(), 1, [&](int rank, uint64_t) { return write_shard(round, rank); }));
    ASSIGN_OR_RETURN(const Phase marked, bench_.time("marker", 1, 1, [&](int, uint64_t) { return write_marker(round); }));
    const Duration took = std::chrono::steady_clock::now() - begin;
    shards_.add(shards);
    markers_.add(marked);
    saves_.latencies.add(took);
    saves_.seconds += std::chrono::duration<double>(took).count();
    saves_.bytes += shards.bytes;
    ++saves_.operations;
    if (round == 0) return {};
    ASSIGN_OR_RETURN(const Phase removed, bench_.time("remove", 1, 1, [&](int, uint64_t) { return remove(round - 1); }));
    removals_.add(removed);
    return {};
  }

  Result<uint64_t> write_shard(uint64_t round, int rank) {
    std::vector<std::byte>& content = contents_[static_cast<size_t>(rank)];
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, bench_.files().create(shard(round, rank), 0644, Existing::kRefuse));
    for (uint64_t block = 0; block < blocks_; ++block) {
      stamp(content, round, block);
      TRY(file->write_at(content, block * block_));
    }
    TRY(file->finish());
    return blocks_ * block_;
  }

  Result<uint64_t> write_marker(uint64_t round) {
    const std::string text = std::to_string(round);
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, bench_.files().create(marker() + ".new", 0644, Existing::kRefuse));
    TRY(file->write_at(as_bytes(text), 0));
    TRY(file->finish());
    TRY(bench_.files().rename(marker() + ".new", marker()));
    return 0;
  }

  Result<uint64_t> remove(uint64_t round) {
    for (int rank = 0; rank < bench_.threads(); ++rank) TRY(bench_.files().remove(shard(round, rank)));
    TRY(bench_.files().remove_directory(step(round)));
    return 0;
  }

  Result<uint64_t> restore(int rank) {
    ASSIGN_OR_RETURN(const uint64_t round, read_marker());
    const std::string path = shard(round, rank);
    std::vector<std::byte>& expected = contents_[static_cast<size_t>(rank)];
    std::vector<std::byte>& found = read_[static_cast<size_t>(rank)];
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, bench_.files().open(path));
    for (uint64_t block = 0; block < blocks_; ++block) {
      stamp(expected, round, block);
      ASSIGN_OR_RETURN(const size_t got, file->read_at(found, block * block_));
      if (got != block_ || found != expected)
        return corrupt(path + " holds other bytes than were written, in block " + std::to_string(block));
    }
    TRY(file->finish());
    return blocks_ * block_;
  }

  Result<uint64_t> read_marker() {
    std::vector<std::byte> text(20);
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, bench_.files().open(marker()));
    ASSIGN_OR_RETURN(const size_t got, file->read_at(text, 0));
    TRY(file->finish());
    uint64_t round = 0;
    const char* begin = reinterpret_cast<const char*>(text.data());
    if (std::from_chars(begin, begin + got, round).ptr != begin + got || got == 0)
      return corrupt(marker() + " does not name a checkpoint");
    return round;
  }

  Bench& bench_;
  const uint64_t block_, blocks_;
  std::vector<std::vector<std::byte>> contents_, read_;  // of each rank, one block
  Phase shards_{.name = "shard"}, markers_{.name = "marker"}, saves_{.name = "checkpoint"}, removals_{.name = "remove"};
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const uint64_t size, parse_size(options.size));
  ASSIGN_OR_RETURN(const uint64_t block, parse_size(options.block));
  if (block == 0 || block > 256 * kMiB) return invalid("--block has to be between 1 byte and 256MB");
  if (size < block || size % block != 0) return invalid("--size has to be a multiple of --block");
  return run_bench(shell, options.bench,
                   [&](Bench& bench) { return Checkpoints(bench, block, size / block).run(options.rounds); });
}

}  // namespace

void add_bench_checkpoint(Command bench, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = bench.add("checkpoint", "Save and restore checkpoints of several ranks, with a marker written by rename");
  add_bench_options(command, options->bench, "--ranks");
  command.option("--size", options->size, "of one rank's shard").with_default_shown();
  command.option("--block", options->block, "moved at once").with_default_shown();
  command.option("--rounds", options->rounds, "checkpoints, one after the other").between(1, 1'000'000).with_default_shown();
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
