#include "worker/worker.h"

#include <unistd.h>

#include <mutex>
#include <optional>

#include "cli/roles/configs.h"
#include "cli/roles/roles.h"
#include "cli/roles/runtime.h"
#include "cli/roles/worker_metrics.h"

namespace forebay::cli {
namespace {

// The first word said, by whichever thread.
class Refusal {
 public:
  void say(const Status& status) {
    std::lock_guard lock(mutex_);
    if (!said_) said_ = status;
  }
  std::optional<Status> said() const {
    std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Status> said_;
};

Result<void> serve(Runtime& runtime, const config::Settings& settings) {
  ASSIGN_OR_RETURN(worker::WorkerConfig config, worker_config(settings));
  config.persist.open = [&runtime](const std::string& uri, const ufs::StoreOptions& store_options) {
    return ufs::open_under_store(uri, store_options, runtime.env(), runtime.log());
  };
  Refusal refusal;
  WorkerMetrics metrics(runtime.metrics(), runtime.readiness(), [&](const Status& status) {
    refusal.say(status);
    runtime.end();
  });
  runtime.readiness().not_ready("opening the store");
  worker::Worker worker(runtime.env(), std::move(config), runtime.executors(), runtime.log(), metrics, &metrics);
  TRY(runtime.wait(worker.start()));
  runtime.log().info("serving", {{"address", worker.address().to_string()}});
  runtime.wait_for_end();
  runtime.wait(worker.stop());
  if (std::optional<Status> said = refusal.said()) return std::unexpected(*std::move(said));
  return {};
}

}  // namespace

Result<int> run_worker(const config::Settings& settings, const RoleOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Runtime> runtime,
                   Runtime::make({.role = "worker",
                                  .pid_file = options.pid_file,
                                  .web_host = settings.text("forebay.worker.bind_host"),
                                  .web_port = settings.port("forebay.worker.web_port"),
                                  .loops = static_cast<int>(settings.count("forebay.worker.threads"))},
                                 settings));
  if (Result<void> served = serve(*runtime, settings); !served) {
    runtime->log().error("the worker ended", {{"error", served.error().to_string()}});
    return std::unexpected(std::move(served).error());
  }
  return 0;
}

}  // namespace forebay::cli
