#include "cli/roles/configs.h"
#include "cli/roles/roles.h"
#include "cli/roles/runtime.h"
#include "fuse/mount.h"

namespace forebay::cli {
namespace {

// The client first, the mount on top; taken down in the opposite order.
Result<void> serve(Runtime& runtime, const config::Settings& settings, const std::string& mount_point) {
  ASSIGN_OR_RETURN(client::ClientConfig config, client_config(settings));
  config.name = "fuse " + mount_point;
  runtime.readiness().not_ready("connecting to the master");
  ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client,
                   runtime.wait(client::Client::start(runtime.env(), runtime.log(), config, runtime.executors())));
  fuse::MountConfig mounting = mount_config(settings, mount_point);
  mounting.when_unmounted = [&runtime] { runtime.end(); };
  runtime.readiness().not_ready("mounting");
  Result<std::unique_ptr<fuse::FuseMount>> mount =
      fuse::FuseMount::start(*client, runtime.log(), std::move(mounting), runtime.executors());
  if (mount) {
    runtime.log().info("mounted", {{"path", (*mount)->mount_point()}});
    runtime.readiness().ready();
    runtime.wait_for_end();
    (*mount)->stop();
    mount->reset();
  }
  runtime.wait(client->stop());
  client.reset();
  // What is wrong with the mount point or the device stays wrong until somebody mends it.
  if (!mount) return invalid(mount.error().message());
  return {};
}

}  // namespace

Result<int> run_fuse(const config::Settings& settings, const RoleOptions& options, const std::string& mount_point) {
  ASSIGN_OR_RETURN(std::unique_ptr<Runtime> runtime,
                   Runtime::make({.role = "fuse",
                                  .pid_file = options.pid_file,
                                  .web_host = settings.text("forebay.fuse.bind_host"),
                                  .web_port = settings.port("forebay.fuse.web_port"),
                                  .loops = static_cast<int>(settings.count("forebay.fuse.threads"))},
                                 settings));
  if (Result<void> served = serve(*runtime, settings, mount_point); !served) {
    runtime->log().error("the mount ended", {{"error", served.error().to_string()}});
    return std::unexpected(std::move(served).error());
  }
  return 0;
}

}  // namespace forebay::cli
