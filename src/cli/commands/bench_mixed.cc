#include "cli/bench/content.h"
#include "cli/bench/sequential.h"
#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

struct Options {
  SequentialOptions files{.bench = {}, .size = "256MB", .block = "256KB"};
  uint64_t count = 1000;
  int reads = 70;  // of a hundred operations
};

// What one thread of the mix has open, and what it has done.
struct Worker {
  explicit Worker(int thread, uint64_t block)
      : noise(static_cast<uint64_t>(thread)), to_write(noise_block(block, noise.next())), was_read(block) {}
  Noise noise;
  std::vector<std::byte> to_write, was_read;
  std::vector<std::unique_ptr<OpenedFile>> read;  // by the thread that wrote it, opened when it is first read
  std::unique_ptr<OpenedFile> written;
  uint64_t blocks_written = 0;
  Phase reads{.name = "  read"}, writes{.name = "  write"};
};

// As in a shuffle: everybody reads pieces of what everybody has written before, and goes on writing files of its own.
class Mix {
 public:
  Mix(Bench& bench, const Sequential& sequential, int reads) : bench_(bench), sequential_(sequential), reads_(reads) {
    workers_.reserve(static_cast<size_t>(bench.threads()));
    for (int thread = 0; thread < bench.threads(); ++thread) {
      workers_.emplace_back(thread, sequential.block);
      workers_.back().read.resize(static_cast<size_t>(bench.threads()));
    }
  }

  Result<void> run(uint64_t count) {
    ASSIGN_OR_RETURN(
        Phase all, bench_.time("mixed", bench_.threads(), count, [&](int thread, uint64_t i) { return one(thread, i, count); }));
    Phase reads{.name = "  read"}, writes{.name = "  write"};
    for (const Worker& worker : workers_) {
      reads.add(worker.reads);
      writes.add(worker.writes);
    }
    reads.seconds = writes.seconds = all.seconds;  // side by side, not one after the other
    for (Phase* phase : {&all, &reads, &writes}) bench_.report(std::move(*phase));
    return {};
  }

 private:
  Result<uint64_t> one(int thread, uint64_t i, uint64_t count) {
    Worker& worker = workers_[static_cast<size_t>(thread)];
    const bool reads = static_cast<int>(worker.noise.next() % 100) < reads_;
    const auto begin = std::chrono::steady_clock::now();
    TRY(reads ? read(worker) : write(worker, thread));
    if (i + 1 == count && worker.written) TRY(worker.written->finish());
    Phase& phase = reads ? worker.reads : worker.writes;
    phase.latencies.add(std::chrono::steady_clock::now() - begin);
    phase.bytes += sequential_.block;
    ++phase.operations;
    return sequential_.block;
  }

  Result<void> read(Worker& worker) {
    const size_t whose = worker.noise.next() % workers_.size();
    std::unique_ptr<OpenedFile>& file = worker.read[whose];
    if (!file) {
      ASSIGN_OR_RETURN(file, bench_.files().open(bench_.place().file(static_cast<int>(whose), 0)));
    }
    const uint64_t at = worker.noise.next() % sequential_.blocks_each * sequential_.block;
    ASSIGN_OR_RETURN(const size_t got, file->read_at(worker.was_read, at));
    if (got != sequential_.block)
      return corrupt(bench_.place().file(static_cast<int>(whose), 0) + " is shorter than it was written");
    return {};
  }

  Result<void> write(Worker& worker, int thread) {
    const uint64_t block = worker.blocks_written++ % sequential_.blocks_each;
    if (block == 0) {
      const uint64_t number = 1 + worker.blocks_written / sequential_.blocks_each;  // 0 is what the others read
      ASSIGN_OR_RETURN(worker.written, bench_.files().create(bench_.place().file(thread, number), 0644, Existing::kRefuse));
    }
    TRY(worker.written->write_at(worker.to_write, block * sequential_.block));
    if (block + 1 == sequential_.blocks_each) TRY(std::exchange(worker.written, nullptr)->finish());
    return {};
  }

  Bench& bench_;
  const Sequential sequential_;
  const int reads_;
  std::vector<Worker> workers_;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(Sequential sequential, parse_sequential(options.files));
  return run_bench(shell, options.files.bench, [&](Bench& bench) -> Result<void> {
    TRY(write_files(bench, sequential));
    return Mix(bench, sequential, options.reads).run(options.count);
  });
}

}  // namespace

void add_bench_mixed(Command bench, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = bench.add("mixed", "Read pieces of large files while others are written, as in a shuffle");
  add_sequential_options(command, options->files);
  command.option("--count", options->count, "reads and writes of every thread, a block each")
      .between(1, 100'000'000)
      .with_default_shown();
  command.option("--reads", options->reads, "of a hundred operations").between(0, 100).with_default_shown();
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
