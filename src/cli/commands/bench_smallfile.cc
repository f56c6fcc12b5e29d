#include "base/units.h"
#include "cli/bench/run.h"
#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

struct Options {
  BenchOptions bench;
  uint64_t count = 1000;
  std::string size = "4KB";
};

Result<void> measure(Bench& bench, const Options& options, uint64_t size) {
  Endpoint& files = bench.files();
  BenchPlace& place = bench.place();
  std::vector<std::byte> content(size, std::byte{0x5a});
  auto write = [&](int thread, uint64_t i) -> Result<uint64_t> {
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, files.create(place.file(thread, i), 0644, Existing::kRefuse));
    if (size > 0) TRY(file->write_at(content, 0));
    TRY(file->finish());
    return size;
  };
  std::vector<std::vector<std::byte>> buffers(static_cast<size_t>(options.bench.threads), std::vector<std::byte>(size));
  auto read = [&](int thread, uint64_t i) -> Result<uint64_t> {
    std::vector<std::byte>& buffer = buffers[static_cast<size_t>(thread)];
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, files.open(place.file(thread, i)));
    ASSIGN_OR_RETURN(size_t got, file->read_at(buffer, 0));
    if (got != size || buffer != content) return corrupt(place.file(thread, i) + " holds other bytes than were written");
    TRY(file->finish());
    return size;
  };
  auto remove = [&](int thread, uint64_t i) -> Result<uint64_t> {
    TRY(files.remove(place.file(thread, i)));
    return 0;
  };
  TRY(bench.phase("create+write+close", options.count, write));
  TRY(bench.phase("open+read+close", options.count, read));
  return options.bench.keep ? Result<void>() : bench.phase("unlink", options.count, remove);
}

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(uint64_t size, parse_size(options.size));
  if (size > 64 * kMiB) return invalid("--size of a small file is at most 64MB");
  return run_bench(shell, options.bench, [&](Bench& bench) { return measure(bench, options, size); });
}

}  // namespace

void add_bench_smallfile(Command bench, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = bench.add("smallfile", "Write, read back, compare and remove many small files");
  add_bench_options(command, options->bench);
  command.option("--count", options->count, "files of every thread").between(1, 100'000'000);
  command.option("--size", options->size, "of each file");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
