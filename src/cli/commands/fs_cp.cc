#include "cli/commands/commands.h"
#include "cli/commands/copied.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  CopyOptions copy;
};

Result<void> refuse_into_itself(const std::vector<std::string>& from, const std::string& to) {
  for (const std::string& path : from)
    if (to == path || to.starts_with(path == "/" ? path : path + "/"))
      return rejected(EINVAL, path + " cannot be copied into or onto itself (" + to + ")");
  return {};
}

Result<int> run(Shell& shell, Options options) {
  std::string to = options.paths.back();
  options.paths.pop_back();
  bool to_local = take_local_scheme(to);
  size_t local = 0;
  for (std::string& path : options.paths) local += take_local_scheme(path) ? 1 : 0;
  if (local != 0 && local != options.paths.size()) return invalid("sources of both this host and the namespace");
  std::unique_ptr<Endpoint> here = local_endpoint();
  ASSIGN_OR_RETURN(std::unique_ptr<Endpoint> cluster, cluster_endpoint(shell));
  if (local == 0) {
    ASSIGN_OR_RETURN(options.paths, expand(shell, options.paths));
  }
  if (!to_local) {
    ASSIGN_OR_RETURN(to, normalize_path(to));
  }
  if ((local != 0) == to_local) TRY(refuse_into_itself(options.paths, to));
  ASSIGN_OR_RETURN(Copied copied,
                   copy(shell, local != 0 ? *here : *cluster, options.paths, to_local ? *here : *cluster, to, options.copy));
  return print_copied(shell, copied);
}

}  // namespace

void add_copy_options(Command command, CopyOptions& options) {
  command.flag("-f,--force", options.force, "overwrite files that exist");
  command.flag("-p,--preserve", options.preserve, "keep permissions, times and owners");
  command.option("--thread,--threads", options.threads, "files copied at once").between(1, 256);
}

Result<int> print_copied(Shell& shell, const Copied& copied) {
  if (shell.json()) {
    print_json({{"files", copied.files},
                {"directories", copied.directories},
                {"symlinks", copied.links},
                {"bytes", copied.bytes},
                {"seconds", copied.seconds}});
  } else {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.2f s", copied.seconds);
    print_line("copied " + std::to_string(copied.files) + " files, " + std::to_string(copied.directories) + " directories, " +
               std::to_string(copied.links) + " links, " + format_human(copied.bytes) + " in " + seconds + " (" +
               format_rate(copied.bytes, copied.seconds) + ")");
  }
  return shell.exit_code();
}

void add_fs_cp(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("cp", "Copy within the namespace; file:///PATH is a file of this host");
  command.option("PATHS", options->paths, "sources, then the target").required().values(2, 1'000'000);
  command.flag("-R,-r,--recursive", options->copy.recursive, "directories, too");
  add_copy_options(command, options->copy);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
