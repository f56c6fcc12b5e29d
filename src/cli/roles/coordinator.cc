#include "coordinator/coordinator.h"

#include <filesystem>

#include "cli/roles/configs.h"
#include "cli/roles/persist_metrics.h"
#include "cli/roles/roles.h"
#include "cli/roles/rpc_metrics.h"
#include "cli/roles/runtime.h"
#include "kv/rocks_store.h"

namespace forebay::cli {
namespace {

class CoordinatorMetrics final : public coordinator::CoordinatorEvents {
 public:
  explicit CoordinatorMetrics(obs::Metrics& metrics) : calls_(metrics), pace_(metrics) {}
  void pace(const v1::Pace& now) override { pace_.told(now); }
  void call_finished(const rpc::Method& method, Duration took, const Status* error, TraceId) override {
    calls_.call_finished(method, took, error);
  }
  void connections_changed(int delta) override { calls_.connections_changed(delta); }

 private:
  RpcMetrics calls_;
  PaceMetrics pace_;
};

Result<void> serve(Runtime& runtime, const config::Settings& settings) {
  ASSIGN_OR_RETURN(coordinator::CoordinatorConfig config, coordinator_config(settings));
  const std::string directory = settings.text("forebay.coordinator.store_dir");
  auto open_store = [directory, &runtime]() -> Result<std::unique_ptr<kv::Store>> {
    if (Result<void> made = os::real_files().make_directories(directory); !made)
      return invalid("forebay.coordinator.store_dir " + directory + " cannot be made: " + made.error().to_string());
    // Hints about at most a few hundred operations: far less than a master keeps.
    const kv::RocksConfig config{.directory = directory, .block_cache_bytes = 8 * kMiB, .write_buffer_bytes = 4 * kMiB};
    Result<std::unique_ptr<kv::Store>> opened = kv::open_rocks_store(config);
    if (opened || !opened.error().is(Code::kCorrupt)) return opened;
    // It only says which worker has what: without it the rest of a lease is waited for, and persistence goes on.
    const std::string aside = directory + ".damaged";
    std::error_code error;
    std::filesystem::remove_all(aside, error);
    TRY(os::real_files().rename(directory, aside));
    runtime.log().error("the coordinator's store was damaged and is begun anew",
                        {{"error", opened.error().message()}, {"kept_as", aside}});
    TRY(os::real_files().make_directories(directory));
    return kv::open_rocks_store(config);
  };
  CoordinatorMetrics metrics(runtime.metrics());
  runtime.readiness().not_ready("looking for a master");
  coordinator::Coordinator coordinator(runtime.env(), std::move(config), open_store, runtime.executors().front(), runtime.log(),
                                       &metrics);
  TRY(runtime.wait(coordinator.start()));
  runtime.readiness().ready();
  runtime.log().info("serving", {{"address", coordinator.address().to_string()}});
  runtime.wait_for_end();
  runtime.wait(coordinator.stop());
  return {};
}

}  // namespace

Result<int> run_coordinator(const config::Settings& settings, const RoleOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Runtime> runtime, Runtime::make({.role = "coordinator",
                                                                    .pid_file = options.pid_file,
                                                                    .web_host = settings.text("forebay.coordinator.bind_host"),
                                                                    .web_port = settings.port("forebay.coordinator.web_port"),
                                                                    .loops = 1},
                                                                   settings));
  if (Result<void> served = serve(*runtime, settings); !served) {
    runtime->log().error("the coordinator ended", {{"error", served.error().to_string()}});
    return std::unexpected(std::move(served).error());
  }
  return 0;
}

}  // namespace forebay::cli
