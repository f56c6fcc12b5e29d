// What can be known to be wrong before anything is started.
#include <unistd.h>

#include <filesystem>

#include "cli/local/launch.h"
#include "cli/local/pid_file.h"
#include "cli/local/probe.h"
#include "fuse/mount_point.h"
#include "os/file.h"

namespace forebay::cli {
namespace {

// Of a role that already runs, nothing is checked: it has its ports.
Result<void> check_ports(const Directory& directory, const config::Settings& settings, const RolePlan& role) {
  if (pid_file_holder(directory.pid_file(role.name))) return {};
  bool is_worker = role.name.starts_with("worker");
  std::string host = role.name == "fuse"          ? settings.text("forebay.fuse.bind_host")
                     : is_worker                  ? settings.text("forebay.worker.bind_host")
                     : role.name == "coordinator" ? settings.text("forebay.coordinator.bind_host")
                                                  : settings.text("forebay.master.bind_host");
  for (uint16_t port : {role.rpc_port, role.web_port}) {
    if (port == 0 || port_is_free(host, port)) continue;
    return invalid("port " + std::to_string(port) + ", which " + role.name +
                   " needs, is in use by another program: use --ports auto, or " + "stop that program (`ss -ltnp | grep " +
                   std::to_string(port) + "` names it)");
  }
  return {};
}

Result<void> check_tiers(const config::Settings& settings) {
  uint64_t workers = settings.count("forebay.local.workers");
  for (const config::Tier& tier : settings.tiers("forebay.local.tiers")) {
    std::error_code error;
    if (!std::filesystem::path(tier.path).is_absolute())
      return invalid("tier " + tier.alias + ": the path '" + tier.path + "' is not absolute");
    std::filesystem::create_directories(tier.path, error);
    if (error || access(tier.path.c_str(), W_OK | X_OK) != 0)
      return invalid("tier " + tier.alias + ": directory " + tier.path +
                     " cannot be written: " + (error ? error.message() : std::strerror(errno)));
    ASSIGN_OR_RETURN(os::Space space, os::real_files().space(tier.path));
    if (space.total_bytes < tier.quota_bytes * workers)
      return invalid("tier " + tier.alias + " in " + tier.path + ": " + std::to_string(workers) + " workers of " +
                     format_size(tier.quota_bytes) + " do not fit on its disk of " + format_size(space.total_bytes) +
                     ": give a smaller quota");
  }
  return {};
}

Result<void> check_mount(const Directory& directory, const std::string& mount) {
  if (mount.empty() || pid_file_holder(directory.pid_file("fuse"))) return {};
  TRY(fuse::check_device());
  if (directory.path == mount || directory.path.starts_with(mount + "/"))
    return invalid("mount point " + mount + " would hide the cluster's own directory " + directory.path + ": name another one");
  Result<std::string> prepared = fuse::prepare_mount_point(mount, obs::null_log());
  if (!prepared) return invalid(prepared.error().message());
  return {};
}

}  // namespace

Result<void> check_before_start(const Directory& directory, const config::Settings& settings) {
  ASSIGN_OR_RETURN(Plan plan, make_plan(directory, settings));
  for (const RolePlan& role : plan.roles) TRY(check_ports(directory, settings, role));
  TRY(check_tiers(settings));
  return check_mount(directory, plan.mount);
}

}  // namespace forebay::cli
