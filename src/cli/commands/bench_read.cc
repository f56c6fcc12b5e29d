#include "cli/bench/sequential.h"
#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const SequentialOptions& options) {
  ASSIGN_OR_RETURN(Sequential sequential, parse_sequential(options));
  ASSIGN_OR_RETURN(std::unique_ptr<BenchPlace> place, BenchPlace::make(shell, options.bench));
  ASSIGN_OR_RETURN(Phase written, write_files(shell, *place, sequential, options.bench.threads));
  ASSIGN_OR_RETURN(Phase read, read_files(shell, *place, sequential, options.bench.threads));
  return print_phases(shell, {written, read});
}

}  // namespace

void add_bench_read(CLI::App& bench, Shell& shell) {
  auto options = std::make_shared<SequentialOptions>();
  CLI::App* command = bench.add_subcommand("read", "Write large files, then read them");
  add_sequential_options(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
