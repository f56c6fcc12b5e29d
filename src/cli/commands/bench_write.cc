#include "cli/bench/sequential.h"
#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const SequentialOptions& options) {
  ASSIGN_OR_RETURN(Sequential sequential, parse_sequential(options));
  ASSIGN_OR_RETURN(std::unique_ptr<BenchPlace> place, BenchPlace::make(shell, options.bench));
  ASSIGN_OR_RETURN(Phase written, write_files(shell, *place, sequential, options.bench.threads));
  return print_phases(shell, {written});
}

}  // namespace

void add_bench_write(CLI::App& bench, Shell& shell) {
  auto options = std::make_shared<SequentialOptions>();
  CLI::App* command = bench.add_subcommand("write", "Write large files, one for each thread");
  add_sequential_options(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
