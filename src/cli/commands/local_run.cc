#include "cli/commands/commands.h"
#include "cli/commands/local_options.h"
#include "cli/local/launch.h"
#include "cli/local/prepare_persistence.h"
#include "cli/local/supervisor.h"
#include "obs/json_log.h"

namespace forebay::cli {
namespace {

Result<int> supervise(const Directory& directory, const config::Settings& settings, const std::string& log_path) {
  ASSIGN_OR_RETURN(std::unique_ptr<obs::Log> log, obs::open_log({.role = "local", .path = log_path}));
  ASSIGN_OR_RETURN(std::unique_ptr<Supervisor> supervisor, Supervisor::make(directory, settings, *log));
  TRY(supervisor->run());
  return 0;
}

Result<int> run(Shell& shell, const LocalOptions& options) {
  ASSIGN_OR_RETURN(Directory directory, make_directory(options.dir));
  ASSIGN_OR_RETURN(std::unique_ptr<StartLock> lock, StartLock::take(directory));
  wait_for_deaths(directory);
  if (supervisor_runs(directory)) return rejected(EEXIST, "the cluster in " + directory.path + " runs already");
  PortChooser ports;
  ASSIGN_OR_RETURN(config::Settings settings, settle(directory, options, shell.options().defines, ports));
  TRY(check_before_start(directory, settings));
  ASSIGN_OR_RETURN(MountOptions mount_options, parse_mount_options(options.ufs_options));
  TRY(check_persistence(directory, settings, mount_options));
  lock.reset();
  complain("the cluster in " + directory.path + " runs in the foreground; Ctrl-C stops it. Its log:");
  return supervise(directory, settings, "");
}

}  // namespace

void add_local_run(Command local, Shell& shell) {
  auto options = std::make_shared<LocalOptions>();
  Command command = local.add("run", "Run the cluster in the foreground until Ctrl-C");
  add_local_options(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });

  // What `start` leaves behind in the background.
  auto background = std::make_shared<LocalOptions>();
  Command supervisor = local.add_hidden("supervise");
  add_dir_option(supervisor, *background);
  shell.on(supervisor, [background](Shell&) -> Result<int> {
    ASSIGN_OR_RETURN(Directory directory, find_directory(background->dir));
    ASSIGN_OR_RETURN(config::Settings settings, settled(directory));
    return supervise(directory, settings, directory.log_file("supervisor"));
  });
}

}  // namespace forebay::cli
