#include "small_cluster.h"

#include "master/namespace/check.h"

namespace forebay::cluster {

namespace {
const os::Address kMaster{.host = "m", .port = 19'998, .path = {}};

os::WorldConfig world_config(uint64_t seed) {
  os::WorldConfig config;
  config.seed = seed;
  return config;
}
}  // namespace

SmallCluster::SmallCluster(uint64_t seed, Logs logs, ClientWays ways)
    : logs_(std::move(logs)), ways_(std::move(ways)), world_(world_config(seed)) {}

SmallCluster::~SmallCluster() { stop(); }

Result<void> SmallCluster::start() {
  TRY(start_master());
  for (const char* host : {"h0", "w1"}) TRY(start_worker(host));
  for (const char* host : {"h0", "h1"}) TRY(start_client(host));
  return {};
}

Result<void> SmallCluster::start_master() {
  master_process_ = world_.start_process(kMaster.host, "master");
  master::MasterConfig config;
  config.listen = {kMaster};
  config.version = "test";
  config.workers.least_grant = 64 * kKiB;
  master_ = std::make_unique<master::Master>(
      master_process_->env(), config, [disk = disk_] { return disk->open(); }, world_.executor(), std::vector{world_.executor()},
      logs_("master"), master::no_events());
  return run(master_->start());
}

namespace {
Task<bool> stop_master(master::Master* master) {
  co_await master->stop();
  co_return true;
}
}  // namespace

void SmallCluster::kill_master() {
  master_process_->crash();
  disk_->crash();
  run(stop_master(master_.get()));
  master_.reset();
}

Result<void> SmallCluster::start_worker(const std::string& host) {
  WorkerHost& at = workers_.emplace_back();
  at.process = world_.start_process(host, "worker " + host);
  worker::WorkerConfig config;
  config.listen = {.host = "0.0.0.0", .port = 29'999, .path = {}};
  config.advertised_host = host;
  config.unix_listen = {.host = {}, .port = 0, .path = "/run/worker"};
  config.masters = {kMaster};
  config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{.path = "/tier", .quota_bytes = 900 * kMiB}}}};
  config.store.reserve_step_bytes = 64 * kKiB;
  at.worker = std::make_unique<worker::Worker>(at.process->env(), config, std::vector{world_.executor()}, logs_("worker " + host),
                                               worker::no_worker_events(), nullptr);
  TRY(run(at.worker->start()));
  const bool registered = world_.run_until([&] { return at.worker->is_registered(); }, std::chrono::minutes(1));
  return registered ? Result<void>{} : busy("worker " + host + " does not register");
}

Result<void> SmallCluster::start_client(const std::string& host) {
  client_processes_.push_back(world_.start_process(host, "client " + host));
  client::ClientConfig config;
  config.masters = {kMaster};
  config.name = host;
  config.first_object_bytes = 16 * kKiB;
  config.object_bytes = 64 * kKiB;
  config.descriptor_from_bytes = 4 * kKiB;
  config.max_commit_extents = 64;
  config.inline_bytes = ways_.inline_bytes;
  config.multipart_upload = ways_.multipart_upload;
  config.write_buffer_bytes = 4 * kMiB;
  config.compact_from_extents = 12;
  config.compact_extent_bytes = 6 * kKiB;
  config.compact_dead_bytes = 256 * kKiB;
  config.compact_slice_bytes = 24 * kKiB;
  ASSIGN_OR_RETURN(
      std::unique_ptr<client::Client> client,
      run(client::Client::start(client_processes_.back()->env(), logs_("client " + host), config, {world_.executor()})));
  clients_.push_back(std::move(client));
  return {};
}

Task<bool> SmallCluster::stop_all(SmallCluster* cluster) {
  for (auto& client : cluster->clients_) co_await client->stop();
  for (WorkerHost& at : cluster->workers_) co_await at.worker->stop();
  if (cluster->master_) co_await cluster->master_->stop();
  co_return true;
}

void SmallCluster::stop() {
  run(stop_all(this));
  clients_.clear();
  workers_.clear();
  master_.reset();
}

uint64_t SmallCluster::objects() const {
  uint64_t objects = 0;
  for (const WorkerHost& at : workers_) objects += at.worker->store().object_count();
  return objects;
}

Result<std::vector<std::string>> SmallCluster::check() {
  ASSIGN_OR_RETURN(std::unique_ptr<kv::Store> store, disk_->open());
  return master::check_all(*store);
}

}  // namespace forebay::cluster
