#include <chrono>

#include "cli/commands/commands.h"
#include "cli/commands/local_options.h"
#include "cli/local/launch.h"
#include "cli/local/prepare_persistence.h"

namespace forebay::cli {
namespace {

std::string seconds_since(std::chrono::steady_clock::time_point begin) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return text;
}

void print_hints(const Directory& directory, const Json& status) {
  std::string mount = status.value("mount", "");
  if (!mount.empty()) print_line("files: " + mount + "/cache-only");
  print_line("commands: export FOREBAY_CONF=" + directory.conf());
}

Result<int> run(Shell& shell, const LocalOptions& options) {
  auto begin = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(Directory directory, make_directory(options.dir));
  ASSIGN_OR_RETURN(std::unique_ptr<StartLock> lock, StartLock::take(directory));
  wait_for_deaths(directory);
  Json status;
  bool ran_before = supervisor_runs(directory);
  if (ran_before) {
    status = status_of(directory);
  } else {
    PortChooser ports;  // until the roles listen
    ASSIGN_OR_RETURN(config::Settings settings, settle(directory, options, shell.options().defines, ports));
    TRY(check_before_start(directory, settings));
    ASSIGN_OR_RETURN(MountOptions mount_options, parse_mount_options(options.ufs_options));
    TRY(check_persistence(directory, settings, mount_options));
    ASSIGN_OR_RETURN(status, start_in_background(directory));
  }
  if (shell.json()) {
    status["already_running"] = ran_before;
    print_json(status);
    return 0;
  }
  print(status_table(directory, status));
  print_line(ran_before ? "it runs already; options of this command were not applied (`forebay local stop` first)"
                        : "started in " + seconds_since(begin) + " s");
  print_hints(directory, status);
  return 0;
}

}  // namespace

void add_dir_option(Command command, LocalOptions& options) {
  command.option("--dir", options.dir, "folder of the cluster").required();
}

void add_local_options(Command command, LocalOptions& options) {
  add_dir_option(command, options);
  command.option("--mount", options.mount, "empty directory to mount the namespace at; '' for none");
  command.option("--workers", options.workers, "number of workers (2)");
  command.option("--replication", options.replication, "copies of what is written; this version keeps 1");
  command.option("--tier", options.tiers, "ALIAS:PATH:QUOTA[:HIGH:LOW], for each worker in PATH/worker-N").one_value_each();
  command.option("--ufs", options.ufs,
                 "under store to mount at /ufs: file:///directory, s3://bucket/prefix, none (a directory in DIR)");
  command.option("--ufs-option", options.ufs_options, "name=value, an option of that store; kept by the master alone")
      .one_value_each();
  command.option("--mapping", options.mapping, "mapping file (DIR/mapping.json, which persists /cache-only/persist)");
  command.option("--ports", options.ports, "default: 19998 and so on; auto: free ones").one_of({"default", "auto"});
  command.flag("--no-restart", options.no_restart, "leave a role that dies");
}

void add_local_start(Command local, Shell& shell) {
  auto options = std::make_shared<LocalOptions>();
  Command command = local.add("start", "Start the cluster in the background; returns when it serves");
  add_local_options(command, *options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
