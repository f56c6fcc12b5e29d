// `forebay master`, `worker`, `coordinator` and `fuse`: one process each.
#include "cli/roles/roles.h"

#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

Command add(Command app, const char* name, const char* what, const std::shared_ptr<RoleOptions>& options) {
  Command command = app.add(name, what);
  command.option("--pid-file", options->pid_file, "held while it runs; a second one on the same file is refused");
  return command;
}

}  // namespace

void add_master(Command app, Shell& shell) {
  auto options = std::make_shared<RoleOptions>();
  shell.on(add(app, "master", "Run a master in the foreground", options), [options](Shell& shell) -> Result<int> {
    ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings(config::Role::kMaster));
    return run_master(*settings, *options);
  });
}

void add_worker(Command app, Shell& shell) {
  auto options = std::make_shared<RoleOptions>();
  shell.on(add(app, "worker", "Run a worker in the foreground", options), [options](Shell& shell) -> Result<int> {
    ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings(config::Role::kWorker));
    return run_worker(*settings, *options);
  });
}

void add_coordinator(Command app, Shell& shell) {
  auto options = std::make_shared<RoleOptions>();
  shell.on(add(app, "coordinator", "Run a coordinator in the foreground", options), [options](Shell& shell) -> Result<int> {
    ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings(config::Role::kCoordinator));
    return run_coordinator(*settings, *options);
  });
}

void add_fuse(Command app, Shell& shell) {
  auto options = std::make_shared<RoleOptions>();
  auto mount_point = std::make_shared<std::string>();
  Command command = add(app, "fuse", "Mount the namespace, in the foreground", options);
  command.option("MOUNTPOINT", *mount_point, "an empty directory").required();
  shell.on(command, [options, mount_point](Shell& shell) -> Result<int> {
    ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings(config::Role::kFuse));
    return run_fuse(*settings, *options, *mount_point);
  });
}

}  // namespace forebay::cli
