#include <utility>

#include "role.h"
#include "worker/worker.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;

class WorkerRole final : public Role {
 public:
  WorkerRole(os::Env& env, worker::WorkerConfig config, obs::Log& log)
      : worker_(env, std::move(config), {env.blocking}, log, worker::no_worker_events(), nullptr) {}
  worker::Worker& worker() { return worker_; }
  Task<void> stop() override { return worker_.stop(); }

 private:
  worker::Worker worker_;
};

}  // namespace

Task<Result<std::unique_ptr<Role>>> start_worker(os::SimProcess* process, obs::Log* log, const Scenario* scenario) {
  os::Env& env = process->env();
  worker::WorkerConfig config;
  config.listen = {.host = "0.0.0.0", .port = kWorkerPort};
  config.advertised_host = process->host().name();
  config.unix_listen = {.path = "/run/worker"};
  config.masters = {{.host = kMasterHost, .port = kMasterPort}};
  // Less than the disk has: the quota is what the worker goes by, as long as nobody else fills the disk.
  const uint64_t quota = scenario->worker_capacity - std::min<uint64_t>(kMiB, scenario->worker_capacity / 4);
  config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{.path = "/tier", .quota_bytes = quota}}}};
  config.store.reserve_step_bytes = 64 * kKiB;
  auto role = std::make_unique<WorkerRole>(env, std::move(config), *log);
  CO_TRY(co_await role->worker().start());
  // While no master answers it waits; a dead process is waited for no longer.
  while (!role->worker().is_registered() && !process->is_dead()) co_await env.clock.sleep(milliseconds(10), {});
  co_return role;
}

}  // namespace forebay::cluster
