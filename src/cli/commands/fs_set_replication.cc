#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/done.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  int min = -1, max = -1;
  bool recursive = false;
};

constexpr int kCopies = 1;  // that this version keeps of everything

// What is kept already may be asked for; anything else is refused by name, before a path is looked at.
Result<void> check(Shell& shell, const Options& options) {
  if (options.min < 0 && options.max < 0) return invalid("give --min, --max or both");
  if (options.max == 0) return invalid("--max is 0: a file without a copy is no file. Use `fs rm`");
  if (options.max > 0 && options.min > options.max)
    return invalid("--min " + std::to_string(options.min) + " is more than --max " + std::to_string(options.max));
  if (options.min <= kCopies) return {};
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(std::vector<v1::WorkerAddress> workers, shell.wait(client->workers()));
  const auto live = std::ranges::count_if(workers, &v1::WorkerAddress::live);
  if (options.min > live)
    return rejected(ENOSPC, "--min " + std::to_string(options.min) + " is more than the " + std::to_string(live) +
                                " workers that are live: each copy needs a worker of its own");
  return rejected(EOPNOTSUPP,
                  "--min " + std::to_string(options.min) + " is not supported: this version keeps 1 copy of everything");
}

Result<void> keep(Shell& shell, const Entry& entry) {
  if (!entry.is_file() || shell.who().uid == 0 || shell.who().uid == entry.attr.uid()) return {};
  return rejected(EPERM, entry.path + ": only the owner says how many copies are kept");
}

Result<int> run(Shell& shell, const Options& options) {
  TRY(check(shell, options));
  return for_each_path(shell, options.paths, true, "kept with 1 copy", [&](const std::string& path) -> Result<void> {
    ASSIGN_OR_RETURN(Entry entry, get(shell, path, Links::kFollow));
    if (!options.recursive && entry.is_directory())
      return rejected(EISDIR, path + ": it takes -R to reach the files of a directory");
    if (!options.recursive) return keep(shell, entry);
    return walk(shell, entry, [&](const Entry& each) { return keep(shell, each); });
  });
}

}  // namespace

void add_fs_set_replication(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("setReplication", "Say how many copies of a file are kept; this version keeps 1");
  command.option("PATH", options->paths, "files, and directories with -R").required();
  command.option("--min", options->min, "at least so many copies").between(0, 1000);
  command.option("--max", options->max, "at most so many copies; -1: as many as there are").between(-1, 1000);
  command.flag("-R", options->recursive, "and all that is below");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
