#include "cli/commands/commands.h"
#include "cli/commands/copied.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  CopyOptions copy{.recursive = true};
};

Result<int> run(Shell& shell, const Options& options) {
  std::vector<std::string> from(options.paths.begin(), options.paths.end() - 1);
  for (std::string& path : from) take_local_scheme(path);
  std::unique_ptr<Endpoint> here = local_endpoint();
  ASSIGN_OR_RETURN(std::unique_ptr<Endpoint> cluster, cluster_endpoint(shell));
  ASSIGN_OR_RETURN(Copied copied, copy(shell, *here, from, *cluster, options.paths.back(), options.copy));
  return print_copied(shell, copied);
}

}  // namespace

void add_fs_put(Command fs, Shell& shell) {
  for (const char* name : {"put", "copyFromLocal"}) {
    auto options = std::make_shared<Options>();
    Command command = fs.add(name, "Copy files and directories of this host into the namespace");
    command.option("PATHS", options->paths, "sources on this host, then the target").required().values(2, 1'000'000);
    add_copy_options(command, options->copy);
    shell.on(command, [options](Shell& shell) { return run(shell, *options); });
  }
}

}  // namespace forebay::cli
