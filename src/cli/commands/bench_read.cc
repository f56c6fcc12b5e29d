#include "cli/bench/sequential.h"
#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const SequentialOptions& options) {
  ASSIGN_OR_RETURN(Sequential sequential, parse_sequential(options));
  return run_bench(shell, options.bench, [&](Bench& bench) -> Result<void> {
    TRY(write_files(bench, sequential));
    return read_files(bench, sequential);
  });
}

}  // namespace

void add_bench_read(Command bench, Shell& shell) {
  auto options = std::make_shared<SequentialOptions>();
  Command command = bench.add("read", "Write large files, then read them");
  add_sequential_options(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
