#include "master/master.h"

#include <filesystem>

#include "cli/roles/configs.h"
#include "cli/roles/master_metrics.h"
#include "cli/roles/roles.h"
#include "cli/roles/runtime.h"
#include "cli/version.h"
#include "kv/rocks_store.h"

namespace forebay::cli {
namespace {

Result<void> serve(Runtime& runtime, const config::Settings& settings) {
  master::MasterConfig config = master_config(settings);
  config.version = kVersion;
  std::string directory = settings.text("forebay.master.store_dir");
  auto open_store = [directory]() -> Result<std::unique_ptr<kv::Store>> {
    if (Result<void> made = os::real_files().make_directories(directory); !made)
      return invalid("forebay.master.store_dir " + directory + " cannot be made: " + made.error().to_string());
    return kv::open_rocks_store({.directory = directory});
  };
  if (const std::string socket = settings.text("forebay.master.socket"); !socket.empty())
    TRY(os::real_files().make_directories(std::filesystem::path(socket).parent_path().string()));
  MasterMetrics metrics(runtime.metrics(), runtime.readiness());
  runtime.readiness().not_ready("opening the metadata");
  async::Loop commit("commit", 1, settings.duration("forebay.rpc.busy_poll"));
  master::Master master(runtime.env(), std::move(config), open_store, commit.executor(), runtime.executors(), runtime.log(),
                        metrics);
  Result<void> started = runtime.wait(master.start());
  if (started) {
    runtime.readiness().ready();
    runtime.wait_for_end();
  }
  runtime.wait(master.stop());
  return started;
}

}  // namespace

Result<int> run_master(const config::Settings& settings, const RoleOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Runtime> runtime,
                   Runtime::make({.role = "master",
                                  .pid_file = options.pid_file,
                                  .web_host = settings.text("forebay.master.bind_host"),
                                  .web_port = settings.port("forebay.master.web_port"),
                                  .loops = static_cast<int>(settings.count("forebay.master.threads"))},
                                 settings));
  if (Result<void> served = serve(*runtime, settings); !served) {
    runtime->log().error("the master ended", {{"error", served.error().to_string()}});
    return std::unexpected(std::move(served).error());
  }
  return 0;
}

}  // namespace forebay::cli
