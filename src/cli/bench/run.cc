#include "cli/bench/run.h"

#include <filesystem>
#include <optional>

#include "cli/bench/plain_socket.h"
#include "cli/bench/report.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

Result<std::unique_ptr<BenchPlace>> local_place(std::unique_ptr<Endpoint> files, const std::string& directory,
                                                const BenchOptions& options, bool keep) {
  return BenchPlace::make(std::move(files), std::filesystem::absolute(directory).string(), options.threads, keep,
                          MissingParent::kRefuse);
}

Result<std::unique_ptr<BenchPlace>> place_of(Shell& shell, const BenchOptions& options) {
  if (!options.path.empty()) return local_place(local_endpoint(), options.path, options, options.keep);
  ASSIGN_OR_RETURN(std::unique_ptr<Endpoint> endpoint, cluster_endpoint(shell));
  ASSIGN_OR_RETURN(const std::string directory, normalize_path(options.directory));
  return BenchPlace::make(std::move(endpoint), directory, options.threads, options.keep, MissingParent::kMake);
}

}  // namespace

void add_bench_options(Command command, BenchOptions& options, const std::string& threads) {
  command.option("--path", options.path, "measure a directory of this host (a mount, a disk) instead of the library");
  command.option("--directory", options.directory,
                 "directory of the namespace to work in, without --path; made if it is missing, and removed afterwards");
  command.option("--medium", options.medium, "measure the same in this directory of this host first, and print the ratio to it");
  command.option(threads, options.threads, "at once").between(1, 1024);
  command.flag("--keep", options.keep, "leave the files");
}

Result<Phase> Bench::time(const std::string& name, int threads, uint64_t each, const Operation& operation) const {
  Result<Phase> phase = run_phase(prefix_ + name, threads, each, show_progress_, operation);
  if (phase) phase->name = name;
  return phase;
}

Result<void> Bench::phase(const std::string& name, uint64_t each, const Operation& operation) {
  ASSIGN_OR_RETURN(Phase phase, time(name, threads_, each, operation));
  report(std::move(phase));
  return {};
}

Result<int> run_bench(Shell& shell, const BenchOptions& options, const Measurement& measurement) {
  if (options.remote && (options.medium.empty() || !options.path.empty()))
    return invalid("--remote measures the library beside a plain connection into --medium; there is no --path");
  if (options.remote) shell.options().defines.emplace_back("forebay.client.short_circuit=false");
  end_phases_by_signal();
  // Both places first: what is wrong with them is said before anything is measured.
  ASSIGN_OR_RETURN(std::unique_ptr<BenchPlace> place, place_of(shell, options));
  std::optional<std::vector<Phase>> limit;
  if (!options.medium.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<BenchPlace> medium,
                     local_place(options.remote ? plain_socket_endpoint() : local_endpoint(), options.medium, options, false));
    Bench bench(*medium, options.threads, !shell.json(), "medium: ");
    TRY(measurement(bench));
    limit = bench.take();
  }
  Bench bench(*place, options.threads, !shell.json(), "");
  TRY(measurement(bench));
  const std::vector<Phase> phases = bench.take();
  shell.json() ? print_json(phases_json(phases, limit))
               : print(phases_table(phases, limit, options.remote ? "PLAIN TCP" : "MEDIUM"));
  return 0;
}

}  // namespace forebay::cli
