#include "threaded_cluster.h"

#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "base/check.h"
#include "client/persist_control.h"
#include "ufs/open.h"

namespace forebay::cluster {

using std::chrono::milliseconds;

namespace {

const os::Address kAnyPort{.host = "127.0.0.1", .port = 0, .path = {}};

constexpr std::string_view kMapping =
    R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": {"path": "/ufs/k", "onDelete": "delete"}}})";

std::string make_directory() {
  char pattern[] = "/tmp/forebay-threads-XXXXXX";
  FOREBAY_CHECK(::mkdtemp(pattern) != nullptr, "a directory can be made in /tmp");
  return pattern;
}

}  // namespace

ThreadedCluster::ThreadedCluster(ThreadedClusterConfig config)
    : config_(config),
      directory_(make_directory()),
      env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "this host"} {}

ThreadedCluster::~ThreadedCluster() {
  if (client_) finish(client_one_, client_->stop());
  client_.reset();
  if (coordinator_) finish(coordinating_, coordinator_->stop());
  coordinator_.reset();
  if (worker_) finish(worker_one_, worker_->stop());
  worker_.reset();
  if (master_) finish(master_one_, master_->stop());
  master_.reset();
  for (async::Loop* loop :
       {&client_one_, &client_two_, &coordinating_, &worker_one_, &worker_two_, &master_one_, &master_two_, &commit_, &blocking_})
    loop->stop();
  std::filesystem::remove_all(directory_);
}

Result<void> ThreadedCluster::start() {
  TRY(start_master());
  TRY(start_worker());
  TRY(start_client());
  if (config_.persists) TRY(start_persistence());
  return {};
}

Task<bool> ThreadedCluster::done(Task<void> task) {
  co_await std::move(task);
  co_return true;
}

void ThreadedCluster::finish(async::Loop& loop, Task<void> task) { async::block_on(loop.executor(), done(std::move(task))); }

Result<void> ThreadedCluster::start_master() {
  master::MasterConfig config;
  config.listen = {kAnyPort};
  config.version = "test";
  config.persistence.block_bytes = 64 * kKiB;
  config.persist_census = milliseconds(100);
  if (config_.persists) {
    config.mapping = {.file = directory_ + "/mapping.json", .interval = milliseconds(100)};
    TRY(os::real_files().write_whole(config.mapping.file, as_bytes(kMapping)));
  }
  master_ = std::make_unique<master::Master>(
      env_, config, [disk = master_disk_] { return disk->open(); }, commit_.executor(),
      std::vector{master_one_.executor(), master_two_.executor()}, obs::null_log(), master::no_events());
  return async::block_on(master_one_.executor(), master_->start());
}

Result<void> ThreadedCluster::start_worker() {
  worker::WorkerConfig config;
  config.listen = kAnyPort;
  config.unix_listen = {.host = {}, .port = 0, .path = directory_ + "/worker.sock"};
  config.masters = master_->addresses();
  config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{.path = directory_ + "/tier", .quota_bytes = kGiB}}}};
  config.persist.open = [this](const std::string& uri, const ufs::StoreOptions& options) {
    return ufs::open_under_store(uri, options, env_, obs::null_log());
  };
  config.persist.small_bytes = 32 * kKiB;
  worker_ = std::make_unique<worker::Worker>(env_, config, std::vector{worker_one_.executor(), worker_two_.executor()},
                                             obs::null_log(), worker::no_worker_events(), nullptr);
  TRY(async::block_on(worker_one_.executor(), worker_->start()));
  while (!worker_->is_registered()) std::this_thread::yield();
  return {};
}

Result<void> ThreadedCluster::start_client() {
  client::ClientConfig config;
  config.masters = master_->addresses();
  config.name = "threads";
  config.short_circuit = config_.short_circuit;
  config.first_object_bytes = 64 * kKiB;
  config.object_bytes = 512 * kKiB;
  config.write_buffer_bytes = 4 * kMiB;
  config.descriptor_from_bytes = 16 * kKiB;
  ASSIGN_OR_RETURN(
      client_, async::block_on(client_one_.executor(), client::Client::start(env_, obs::null_log(), config,
                                                                             {client_one_.executor(), client_two_.executor()})));
  return {};
}

Result<void> ThreadedCluster::start_persistence() {
  TRY(os::real_files().make_directories(under_directory()));
  coordinator::CoordinatorConfig config;
  config.listen = kAnyPort;
  config.masters = master_->addresses();
  config.interval = milliseconds(20);
  config.check_interval = milliseconds(20);
  coordinator_ = std::make_unique<coordinator::Coordinator>(
      env_, config, [disk = coordinator_disk_] { return disk->open(); }, coordinating_.executor(), obs::null_log(), nullptr);
  TRY(async::block_on(coordinating_.executor(), coordinator_->start()));
  v1::AddMountRequest mount;
  mount.set_path("/ufs");
  mount.set_uri("file://" + under_directory());
  mount.set_has_directories(true);
  mount.set_has_rename(true);
  TRY(run(0, client_->persistence()->add_mount({}, mount)));
  TRY(run(0, client_->persistence()->reload_mapping({})));
  return {};
}

}  // namespace forebay::cluster
