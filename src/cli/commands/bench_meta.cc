#include "cli/bench/run.h"
#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

struct Options {
  BenchOptions bench;
  uint64_t count = 1000;
};

Result<void> measure(Bench& bench, uint64_t count) {
  Endpoint& files = bench.files();
  BenchPlace& place = bench.place();
  struct Step {
    const char* name;
    Operation operation;
  };
  const Step steps[] = {
      {"mkdir",
       [&](int thread, uint64_t i) -> Result<uint64_t> {
         TRY(files.make_directory(place.file(thread, i) + ".d", 0755));
         return 0;
       }},
      {"create",
       [&](int thread, uint64_t i) -> Result<uint64_t> {
         ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, files.create(place.file(thread, i), 0644, Existing::kRefuse));
         TRY(file->finish());
         return 0;
       }},
      {"stat",
       [&](int thread, uint64_t i) -> Result<uint64_t> {
         ASSIGN_OR_RETURN(std::optional<Node> node, files.look(place.file(thread, i), false));
         if (!node) return rejected(ENOENT, place.file(thread, i));
         return 0;
       }},
      {"rename",
       [&](int thread, uint64_t i) -> Result<uint64_t> {
         TRY(files.rename(place.file(thread, i), place.file(thread, i) + ".r"));
         return 0;
       }},
      {"unlink",
       [&](int thread, uint64_t i) -> Result<uint64_t> {
         TRY(files.remove(place.file(thread, i) + ".r"));
         return 0;
       }},
      {"rmdir",
       [&](int thread, uint64_t i) -> Result<uint64_t> {
         TRY(files.remove_directory(place.file(thread, i) + ".d"));
         return 0;
       }},
  };
  for (const Step& step : steps) TRY(bench.phase(step.name, count, step.operation));
  return {};
}

}  // namespace

void add_bench_meta(Command bench, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = bench.add("meta", "Make, look at, rename and remove files and directories");
  add_bench_options(command, options->bench);
  command.option("--count", options->count, "of each, on every thread").between(1, 100'000'000);
  shell.on(command, [options](Shell& shell) {
    return run_bench(shell, options->bench, [&](Bench& bench) { return measure(bench, options->count); });
  });
}

}  // namespace forebay::cli
