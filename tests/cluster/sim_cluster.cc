#include "sim_cluster.h"

#include <algorithm>
#include <utility>

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

}  // namespace

SimCluster::SimCluster(os::SimWorld& world, const Scenario& scenario, Verdict& verdict, obs::Log& log)
    : world_(world), scenario_(scenario), verdict_(verdict), log_(log) {
  add("master", "master", kMasterHost);
  for (uint32_t i = 0; i < scenario.workers; ++i) {
    const bool shares = scenario.workers_with_clients && i < scenario.clients;
    add("worker", "worker" + std::to_string(i), shares ? "client" + std::to_string(i) : "worker" + std::to_string(i));
  }
  for (uint32_t i = 0; i < scenario.clients; ++i) add("client", "client" + std::to_string(i), "client" + std::to_string(i));
}

void SimCluster::add(std::string kind, std::string name, std::string host) {
  auto slot = std::make_unique<RoleSlot>();
  slot->kind = std::move(kind);
  slot->name = std::move(name);
  slot->host = std::move(host);
  os::SimRandom random = world_.random("skew of " + slot->host);
  if (scenario_.clock_skew > Duration(0)) {
    const auto most = static_cast<uint64_t>(scenario_.clock_skew.count());
    world_.host(slot->host).skew.wall_offset = Duration(static_cast<int64_t>(random.below(2 * most))) - scenario_.clock_skew;
  }
  if (scenario_.clock_drift_ppm > 0) {
    world_.host(slot->host).skew.drift_ppm =
        static_cast<int64_t>(random.below(2 * scenario_.clock_drift_ppm)) - scenario_.clock_drift_ppm;
  }
  slots_.push_back(std::move(slot));
}

std::vector<RoleSlot*> SimCluster::of_kind(std::string_view kind) {
  std::vector<RoleSlot*> fitting;
  for (const auto& slot : slots_) {
    if (slot->kind == kind) fitting.push_back(slot.get());
  }
  return fitting;
}

bool SimCluster::all_up() const {
  return std::ranges::all_of(slots_, [](const auto& slot) { return slot->is_up(); });
}

bool SimCluster::start() {
  for (const auto& slot : slots_) start_role(*slot);
  if (world_.run_until([&] { return all_up(); }, minutes(5))) return true;
  std::string missing;
  for (const auto& slot : slots_) missing += slot->is_up() ? "" : " " + slot->name;
  verdict_.violation("the cluster does not start; not serving:" + missing);
  return false;
}

bool SimCluster::stop() {
  // Clients first: they end their sessions at a master that lives.
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
    (*slot)->wanted = false;
    lose(**slot);
    if ((*slot)->kind == "client" && !world_.run_until([&] { return burying_ == 0; }, minutes(10))) break;
  }
  if (world_.run_until([&] { return burying_ == 0 && starting_ == 0; }, minutes(10))) return true;
  verdict_.violation(std::to_string(burying_) + " roles do not stop, " + std::to_string(starting_) + " do not end starting");
  return false;
}

void SimCluster::start_role(RoleSlot& slot) {
  slot.wanted = true;
  if (slot.process && !slot.process->is_dead()) return;
  lose(slot);
  slot.process = world_.start_process(slot.host, slot.name, &slot.watch);
  ++starting_;
  async::spawn_detached(world_.executor(), run_start(this, &slot, slot.process));
}

Task<Result<std::unique_ptr<Role>>> SimCluster::make_role(SimCluster* cluster, RoleSlot* slot,
                                                          std::shared_ptr<os::SimProcess> process) {
  if (slot->kind == "master") {
    return start_master(process.get(), &slot->watch, cluster->master_disk_, &cluster->log_, &cluster->scenario_);
  }
  if (slot->kind == "worker") return start_worker(process.get(), &cluster->log_, &cluster->scenario_);
  return start_client(process, &cluster->log_, &cluster->scenario_, &slot->client);
}

Task<void> SimCluster::run_start(SimCluster* cluster, RoleSlot* slot, std::shared_ptr<os::SimProcess> process) {
  Result<std::unique_ptr<Role>> role = co_await make_role(cluster, slot, process);
  --cluster->starting_;
  const bool is_current = slot->process == process && !process->is_dead();
  if (is_current && role) {
    slot->role = *std::move(role);
    co_return;
  }
  if (role) {
    ++cluster->burying_;
    co_await bury(cluster, process, *std::move(role));
    co_return;
  }
  if (!is_current) co_return;
  // A role whose start fails exits; whoever runs it starts it again.
  if (role.error().is(Code::kInvalid) || role.error().is(Code::kCorrupt)) {
    cluster->verdict_.violation(slot->name + " refuses to start: " + role.error().to_string());
    co_return;
  }
  process->crash();
  if (slot->kind == "master") cluster->master_disk_->crash();
  co_await cluster->world_.time().wait_until(cluster->world_.time().now() + milliseconds(500));
  if (slot->wanted && slot->process == process) cluster->start_role(*slot);
}

void SimCluster::lose(RoleSlot& slot) {
  slot.client.current = nullptr;
  std::shared_ptr<os::SimProcess> process = std::move(slot.process);
  if (!slot.role) return;
  ++burying_;
  async::spawn_detached(world_.executor(), bury(this, std::move(process), std::move(slot.role)));
}

// The process outlives the role: its objects hang on the process's environment until they are gone.
Task<void> SimCluster::bury(SimCluster* cluster, std::shared_ptr<os::SimProcess> process, std::unique_ptr<Role> role) {
  co_await role->stop();
  role.reset();
  process.reset();
  --cluster->burying_;
}

void SimCluster::kill(RoleSlot& slot) {
  if (!slot.process) return;
  slot.process->crash();
  if (slot.kind == "master") master_disk_->crash();
  lose(slot);
}

void SimCluster::die_within(RoleSlot& slot, Duration down) {
  slot.process->crash();
  if (slot.kind == "master") master_disk_->crash();
  // Its objects are on the stack: they are taken down from a turn of their own.
  async::spawn_detached(world_.executor(), bury_and_restart(this, &slot, slot.process, down));
}

Task<void> SimCluster::bury_and_restart(SimCluster* cluster, RoleSlot* slot, std::shared_ptr<os::SimProcess> process,
                                        Duration down) {
  co_await async::yield();
  if (slot->process == process) cluster->lose(*slot);
  co_await cluster->world_.time().wait_until(cluster->world_.time().now() + down);
  if (slot->wanted && !slot->process) cluster->start_role(*slot);
}

void SimCluster::power_off(const std::string& host) {
  world_.power_off(host);
  for (const auto& slot : slots_) {
    if (slot->host != host) continue;
    if (slot->kind == "master") {
      os::SimRandom random = world_.random("master's disk " + std::to_string(world_.history().events()));
      master_disk_->power_cut(random);
    }
    lose(*slot);
  }
}

void SimCluster::power_on(const std::string& host) {
  world_.power_on(host);
  for (const auto& slot : slots_) {
    if (slot->host == host && slot->wanted) start_role(*slot);
  }
}

}  // namespace forebay::cluster
