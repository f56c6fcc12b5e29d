#include "cli/commands/commands.h"
#include "cli/commands/local_options.h"
#include "cli/exit_code.h"
#include "cli/local/launch.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const LocalOptions& options) {
  ASSIGN_OR_RETURN(Directory directory, find_directory(options.dir));
  Json status = status_of(directory);
  if (shell.json())
    print_json(status);
  else
    print(status_table(directory, status));
  if (status["supervisor"].is_null()) return kExitUnreachable;
  return status.value("serves", false) ? kExitOk : kExitFailed;
}

}  // namespace

void add_local_status(Command local, Shell& shell) {
  auto options = std::make_shared<LocalOptions>();
  Command command = local.add("status", "Its processes. Exit code 0: all serve, 1: not all, 3: it does not run");
  add_dir_option(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
