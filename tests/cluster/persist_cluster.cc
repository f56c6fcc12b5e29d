#include "persist_cluster.h"

#include <utility>

#include "forebay/v1/persist.rpc.h"
#include "lent_store.h"
#include "ufs/checked_store.h"

namespace forebay::cluster {

namespace {

namespace persists = v1::persist_service;
using std::chrono::milliseconds;

const os::Address kMaster{.host = "m", .port = 19'998, .path = {}};
const os::Address kCoordinator{.host = "c", .port = 19'996, .path = {}};

constexpr ufs::Feature kOnlyCondition = ufs::Feature::kPutIfAbsent;  // of a bucket that has_conditions does not name

ufs::MemoryBucketConfig bucket_config(const PersistClusterConfig& config) {
  ufs::MemoryBucketConfig bucket;
  if (config.limits) bucket.limits = *config.limits;
  if (!config.has_conditions) bucket.features = {kOnlyCondition};
  if (!config.is_nas) return bucket;
  for (ufs::Feature feature :
       {ufs::Feature::kRename, ufs::Feature::kDirectories, ufs::Feature::kAttributes, ufs::Feature::kFencedPut})
    bucket.features.set(feature);
  return bucket;
}

}  // namespace

PersistCluster::PersistCluster(PersistClusterConfig config)
    : config_(std::move(config)), world_({.seed = config_.seed}), bucket_(bucket_config(config_)), workers_(2) {
  for (const char* host : {"m", "w0", "w1", "c"}) places_.push_back({host, nullptr, false});
}

PersistCluster::~PersistCluster() { stop(); }

// ---- start and stop ----

Result<void> PersistCluster::start() {
  for (Victim victim : {Victim::kMaster, Victim::kWorker0, Victim::kWorker1}) TRY(run(start_role(victim)));
  const bool registered =
      world_.run_until([&] { return workers_[0]->is_registered() && workers_[1]->is_registered(); }, std::chrono::minutes(1));
  if (!registered) return busy("a worker does not register");
  client_process_ = world_.start_process("h", "client");
  client::ClientConfig config;
  config.masters = {kMaster};
  config.name = "client";
  config.first_object_bytes = 16 * kKiB;
  config.object_bytes = 64 * kKiB;
  config.inline_bytes = config_.inline_bytes;
  config.retry_for = config_.patience;
  config.longest_pause = config_.longest_pause;
  for (size_t i = 0; i < config_.clients; ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<client::Client> made,
                     run(client::Client::start(client_process_->env(), *config_.log, config, {world_.executor()})));
    clients_.push_back(std::move(made));
  }
  operator_process_ = world_.start_process("h", "operator");
  operator_config_.masters = {kMaster};
  operator_config_.name = "operator";
  operator_ = std::make_unique<coordinator::MasterSession>(operator_process_->env(), operator_config_, world_.executor(),
                                                           obs::null_log());
  TRY(run(operator_->begin({})));
  TRY(map());
  return run(start_role(Victim::kCoordinator));
}

Result<void> PersistCluster::map() {
  v1::AddMountRequest mount;
  mount.set_path("/ufs");
  mount.set_uri("memory://bucket");
  mount.set_has_directories(config_.is_nas);
  mount.set_has_rename(config_.is_nas);
  TRY(ask_master<persists::AddMount>(mount));
  v1::ApplyMappingRequest mapping;
  mapping.set_file("mapping.json");
  mapping.set_text(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": {"path": "/ufs/k", )" + config_.policies +
                   "}}}");
  TRY(ask_master<persists::ApplyMapping>(mapping));
  ASSIGN_OR_RETURN(const v1::Attr attr, run(clients_[0]->lookup({}, kRootInode, "c")));
  directory_ = InodeId{attr.inode()};
  return {};
}

ufs::StoreOpener PersistCluster::opener(os::Env& env, size_t worker) {
  return [this, &env, worker](const std::string&, const ufs::StoreOptions&) -> Result<std::unique_ptr<ufs::UnderStore>> {
    const ufs::MemoryStore::Config config{.who = "worker" + std::to_string(worker), .latency = milliseconds(10)};
    std::unique_ptr<ufs::UnderStore> store;
    if (config_.faults == nullptr) {
      store = std::make_unique<ufs::MemoryStore>(bucket_, env.clock, config);
    } else {
      inner_stores_.push_back(std::make_unique<ufs::MemoryStore>(bucket_, env.clock, config));
      auto faulty = std::make_shared<ufs::FaultyStore>(*inner_stores_.back(), env.clock, world_.executor(), *config_.faults);
      kept_faulty_.push_back(faulty);
      store = std::make_unique<LentStore>(faulty);
    }
    if (config_.has_conditions) return store;
    return std::make_unique<ufs::CheckedStore>(std::move(store), env.random, ufs::Capabilities{kOnlyCondition});
  };
}

Task<Result<void>> PersistCluster::start_role(Victim victim) {
  Place& place = places_[static_cast<size_t>(victim)];
  place.process = world_.start_process(place.host, place.host);
  all_processes_.push_back(place.process);
  os::Env& env = place.process->env();
  switch (victim) {
    case Victim::kMaster: co_return co_await start_master(env);
    case Victim::kWorker0: co_return co_await start_worker(env, 0);
    case Victim::kWorker1: co_return co_await start_worker(env, 1);
    case Victim::kCoordinator: co_return co_await start_coordinator(env);
  }
  co_return Result<void>{};
}

Task<Result<void>> PersistCluster::start_master(os::Env& env) {
  master::MasterConfig config;
  config.listen = {kMaster};
  config.version = "test";
  config.workers.least_grant = 64 * kKiB;
  config.intake.slow_from = config_.slow_from;
  config.persistence.block_bytes = config_.block_bytes;
  master_ = std::make_unique<master::Master>(
      env, config, [disk = master_disk_] { return disk->open(); }, world_.executor(), std::vector{world_.executor()},
      *config_.log, master::no_events());
  co_return co_await master_->start();
}

Task<Result<void>> PersistCluster::start_worker(os::Env& env, size_t index) {
  worker::WorkerConfig config;
  config.listen = {.host = "0.0.0.0", .port = 29'999, .path = {}};
  config.advertised_host = places_[index + 1].host;
  config.masters = {kMaster};
  config.store.tiers = {{.alias = "SSD",
                         .medium = "SSD",
                         .paths = {{.path = "/tier", .quota_bytes = config_.quota_bytes}},
                         .watermarks = {.high = config_.slow_from}}};
  config.store.reserve_step_bytes = 64 * kKiB;
  config.persist.open = opener(env, index);
  config.persist.small_bytes = config_.small_bytes;
  config.persist.transfer.part_bytes = 16 * kKiB;
  workers_[index] = std::make_unique<worker::Worker>(env, config, std::vector{world_.executor()}, *config_.log,
                                                     worker::no_worker_events(), nullptr);
  co_return co_await workers_[index]->start();
}

Task<Result<void>> PersistCluster::start_coordinator(os::Env& env) {
  coordinator::CoordinatorConfig config;
  config.interval = config_.interval;
  config.listen = {.host = "0.0.0.0", .port = kCoordinator.port, .path = {}};
  config.advertised_host = kCoordinator.host;
  config.page = config_.page;
  config.masters = {kMaster};
  coordinator_ = std::make_unique<coordinator::Coordinator>(
      env, config, [disk = coordinator_disk_] { return disk->open(); }, world_.executor(), *config_.log, nullptr);
  co_return co_await coordinator_->start();
}

Task<bool> PersistCluster::stop_all(PersistCluster* cluster) {
  if (cluster->operator_) co_await cluster->operator_->stop();
  for (auto& client : cluster->clients_) co_await client->stop();
  if (cluster->coordinator_) co_await cluster->coordinator_->stop();
  for (auto& worker : cluster->workers_) {
    if (worker) co_await worker->stop();
  }
  for (auto& faulty : cluster->kept_faulty_) co_await faulty->stop();
  if (cluster->master_) co_await cluster->master_->stop();
  co_return true;
}

void PersistCluster::stop() {
  if (std::exchange(over_, true)) return;
  world_.run_until([&] { return burying_ == 0; }, std::chrono::hours(1));
  run(stop_all(this));
  operator_.reset();
  clients_.clear();
  coordinator_.reset();
  workers_.clear();
  master_.reset();
}

// ---- deaths ----

void PersistCluster::kill(Victim victim, Duration down) {
  Place& place = places_[static_cast<size_t>(victim)];
  if (place.starting || !place.process || place.process->is_dead()) return;
  place.process->crash();
  if (victim == Victim::kMaster) master_disk_->crash();
  if (victim == Victim::kCoordinator) coordinator_disk_->crash();
  bury(victim, down);
}

void PersistCluster::cut_power(Victim worker) {
  FOREBAY_CHECK(worker == Victim::kWorker0 || worker == Victim::kWorker1, "the records of the others are kept in memory here");
  Place& place = places_[static_cast<size_t>(worker)];
  if (place.starting || !place.process || place.process->is_dead()) return;
  world_.power_cut(place.host);
  bury(worker, std::chrono::seconds(1));
}

void PersistCluster::bury(Victim victim, Duration down) {
  places_[static_cast<size_t>(victim)].starting = true;
  ++burying_;
  // Its objects may be on the stack: they are taken down from a turn of their own.
  async::spawn_detached(world_.executor(), bury_and_restart(this, victim, down));
}

Task<void> PersistCluster::bury_and_restart(PersistCluster* cluster, Victim victim, Duration down) {
  co_await async::yield();
  Place& place = cluster->places_[static_cast<size_t>(victim)];
  const std::shared_ptr<os::SimProcess> process = place.process;
  switch (victim) {
    case Victim::kMaster:
      co_await cluster->master_->stop();
      cluster->master_.reset();
      break;
    case Victim::kWorker0:
    case Victim::kWorker1: {
      std::unique_ptr<worker::Worker>& worker = cluster->workers_[victim == Victim::kWorker0 ? 0 : 1];
      co_await worker->stop();
      worker.reset();
      break;
    }
    case Victim::kCoordinator:
      co_await cluster->coordinator_->stop();
      cluster->coordinator_.reset();
      break;
  }
  co_await cluster->world_.time().wait_until(cluster->world_.time().now() + down);
  Result<void> started = co_await cluster->start_role(victim);
  FOREBAY_CHECK(started, "a role comes back on its disk: " + started.error().to_string());
  place.starting = false;
  --cluster->burying_;
}

// ---- files ----

Result<void> PersistCluster::write(const std::string& name, const std::string& content) {
  const client::OpenFlags flags{.read = true, .write = true, .truncate = true};
  ASSIGN_OR_RETURN(client::Created created, run(clients_[0]->create({}, directory_, name, 0644, flags, false)));
  TRY(run(created.file->pwrite(as_bytes(content), 0)));
  return run(created.file->close());
}

Result<void> PersistCluster::rename(const std::string& from, const std::string& to) {
  v1::RenameRequest request;
  request.set_parent(directory_.value);
  request.set_name(from);
  request.set_new_parent(directory_.value);
  request.set_new_name(to);
  return run(clients_[0]->rename({}, request));
}

Result<void> PersistCluster::unlink(const std::string& name) { return run(clients_[0]->unlink({}, directory_, name)); }

Result<v1::Attr> PersistCluster::attr(const std::string& name) { return run(clients_[0]->lookup({}, directory_, name)); }

Result<std::unique_ptr<client::File>> PersistCluster::open_for_writing(const std::string& name) {
  ASSIGN_OR_RETURN(const v1::Attr attr, run(clients_[0]->lookup({}, directory_, name)));
  return run(clients_[0]->open({}, InodeId{attr.inode()}, {.read = true, .write = true}));
}

Result<void> PersistCluster::patch(const std::string& name, const std::string& content, uint64_t offset) {
  ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, open_for_writing(name));
  TRY(run(file->pwrite(as_bytes(content), offset)));
  return run(file->close());
}

Result<void> PersistCluster::truncate(const std::string& name, uint64_t size) {
  ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, open_for_writing(name));
  TRY(run(file->truncate(size)));
  return run(file->close());
}

Result<void> PersistCluster::link(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const v1::Attr attr, run(clients_[0]->lookup({}, directory_, from)));
  TRY(run(clients_[0]->link({}, InodeId{attr.inode()}, directory_, to)));
  return {};
}

Task<Result<std::string>> PersistCluster::read_all(PersistCluster* cluster, std::string name, uint64_t offset, size_t length) {
  Task<Result<v1::Attr>> looking = cluster->clients_[0]->lookup({}, cluster->directory_, name);
  CO_ASSIGN_OR_RETURN(const v1::Attr attr, co_await std::move(looking));
  Task<Result<std::unique_ptr<client::File>>> opening = cluster->clients_[0]->open({}, InodeId{attr.inode()}, {});
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await std::move(opening));
  std::string content(std::min<uint64_t>(length, attr.size() - std::min(offset, attr.size())), '\0');
  const MutableBytes into = std::as_writable_bytes(std::span(content.data(), content.size()));
  Task<Result<size_t>> reading = file->pread(into, offset);
  Result<size_t> read = co_await std::move(reading);
  Task<Result<void>> closing = file->close();
  Result<void> closed = co_await std::move(closing);
  if (!read) co_return std::unexpected(std::move(read).error());
  if (!closed) co_return std::unexpected(std::move(closed).error());
  content.resize(*read);
  co_return content;
}

Result<std::string> PersistCluster::read(const std::string& name, uint64_t offset, size_t length) {
  return run(read_all(this, name, offset, length));
}

Task<void> PersistCluster::read_into(PersistCluster* cluster, std::string name, std::optional<Result<std::string>>* into) {
  Task<Result<std::string>> reading = read_all(cluster, std::move(name), 0, 100'000'000);
  Result<std::string> content = co_await std::move(reading);
  into->emplace(std::move(content));
}

void PersistCluster::begin_read(const std::string& name, std::optional<Result<std::string>>* into) {
  async::spawn_detached(world_.executor(), read_into(this, name, into));
}

Result<uint64_t> PersistCluster::free(const std::string& name, bool force) {
  ASSIGN_OR_RETURN(const v1::Attr attr, run(clients_[0]->lookup({}, directory_, name)));
  uint64_t bytes = 0;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const v1::FreeReply reply, run(clients_[0]->free({}, InodeId{attr.inode()}, force)));
    bytes += reply.bytes();
    more = reply.more();
  }
  return bytes;
}

std::map<uint64_t, uint64_t> PersistCluster::copies(const std::string& name) {
  std::map<uint64_t, uint64_t> copies;
  Result<v1::Attr> attr = run(clients_[0]->lookup({}, directory_, name));
  FOREBAY_CHECK(attr, "the file exists");
  Result<v1::Layout> layout = run(clients_[0]->layout({}, InodeId{attr->inode()}, 0));
  FOREBAY_CHECK(layout, "the file has a layout");
  for (const v1::ObjectLocation& object : layout->objects()) {
    for (const uint64_t worker : object.workers()) ++copies[worker];
    if (object.workers().empty()) ++copies[0];
  }
  return copies;
}

// ---- what there is to do ----

Result<v1::PersistStatusReply> PersistCluster::status() { return ask_master<persists::PersistStatus>({}); }

bool PersistCluster::settle(Duration limit) {
  for (const os::Instant end = world_.time().now() + limit; world_.time().now() < end; world_.run_for(milliseconds(500))) {
    if (burying_ != 0) continue;
    Result<v1::ListOperationsReply> operations = ask_master<persists::ListOperations>({});
    Result<v1::NextIntentsReply> intents = ask_master<persists::NextIntents>({});
    if (!operations || !intents) continue;
    if (!operations->operations().empty() || !intents->intents().empty() || intents->next_due_ns() != 0) continue;
    // Between the two an intent may have become an operation: all at one moment.
    Result<v1::PersistStatusReply> all = status();
    if (!all) continue;
    const uint64_t waiting = all->waiting_persist() + all->waiting_settle() + all->waiting_clear() + all->waiting_trees() +
                             all->waiting_directories() + all->waiting_sweeps();
    if (waiting + all->running() == 0) return true;
  }
  return false;
}

size_t PersistCluster::published(const std::string& key) const {
  size_t count = 0;
  for (const ufs::KeyChange& change : bucket_.changes()) {
    if (change.key == key && change.after) ++count;
  }
  return count;
}

}  // namespace forebay::cluster
