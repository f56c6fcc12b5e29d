#include "cli/commands/commands.h"
#include "cli/commands/local_options.h"
#include "cli/local/launch.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const LocalOptions& options) {
  ASSIGN_OR_RETURN(Directory directory, find_directory(options.dir));
  ASSIGN_OR_RETURN(std::unique_ptr<StartLock> lock, StartLock::take(directory));
  ASSIGN_OR_RETURN(bool stopped, stop(directory));
  if (shell.json())
    print_json({{"directory", directory.path}, {"was_running", stopped}});
  else
    print_line(stopped ? "stopped the cluster in " + directory.path : "the cluster in " + directory.path + " does not run");
  return 0;
}

}  // namespace

void add_local_stop(Command local, Shell& shell) {
  auto options = std::make_shared<LocalOptions>();
  Command command = local.add("stop", "Unmount and stop all its processes; the data stays");
  add_dir_option(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
