#include "worker/worker.h"

#include <utility>

#include "base/check.h"
#include "worker/ops/tasks.h"
#include "worker/ops/under.h"

namespace forebay::worker {

Worker::Worker(os::Env& env, WorkerConfig config, std::vector<async::Executor> executors, obs::Log& log, WorkerEvents& events,
               rpc::ServerEvents* server_events)
    : env_(env),
      config_(std::move(config)),
      executors_(std::move(executors)),
      log_(log),
      events_(events),
      call_log_(log, env.clock, server_events),
      scope_(executors_.at(0)) {}

Worker::~Worker() = default;

Task<Result<void>> Worker::start() {
  if (config_.masters.empty()) co_return invalid("a worker needs the address of at least one master");
  CO_TRY(co_await open_store());
  writers_ = std::make_unique<Writers>(env_, config_.host_file, log_);
  operations_ = std::make_unique<Operations>(
      Operations{.store = *store_, .writers = *writers_, .blocking = env_.blocking, .inline_bytes = config_.inline_bytes});
  add_operations(router_, operations_.get());
  if (config_.persist.open) {
    tasks_ = std::make_unique<TaskTable>(env_, *store_, config_.persist, executors_.front(), log_, events_, writers_.get());
    add_task_operations(router_, tasks_.get());
    build_under_paths();
  }
  server_ = std::make_unique<rpc::Server>(env_, router_, config_.server, executors_, &call_log_);
  if (Result<void> listening = listen(); !listening) {
    co_await server_->stop();
    if (tasks_) co_await tasks_->stop();
    co_await stop_under_paths();
    co_return listening;
  }
  if (tasks_) tasks_->start();
  if (pages_) pages_->start();
  if (under_uploads_) under_uploads_->start();
  start_background();
  co_return Result<void>{};
}

Task<Result<void>> Worker::open_store() {
  Task<Result<std::unique_ptr<ObjectStore>>> opening = ObjectStore::open(env_, config_.store, log_, events_);
  CO_ASSIGN_OR_RETURN(store_, co_await std::move(opening));
  co_return Result<void>{};
}

void Worker::build_under_paths() {
  const async::Executor& executor = executors_.front();
  under_mounts_ = std::make_unique<UnderMounts>(env_, config_.persist.open, config_.masters, executor);
  pages_ = std::make_unique<PageStore>(env_, config_.pages, executor, log_, events_);
  under_paths_ = std::make_unique<UnderPaths>(env_, *under_mounts_, *pages_, config_.pages.request_timeout, executor);
  UnderUploadsConfig uploads;
  uploads.part_bytes = std::max<uint64_t>(config_.persist.transfer.part_bytes, 5 * kMiB);
  uploads.request_timeout = config_.pages.request_timeout;
  under_uploads_ = std::make_unique<UnderUploads>(env_, *under_mounts_, uploads, executor, log_);
  under_changes_ = std::make_unique<UnderChanges>(env_, *under_mounts_, config_.pages.request_timeout, executor);
  add_under_operations(router_, under_paths_.get(), under_uploads_.get(), under_changes_.get());
}

Task<void> Worker::stop_under_paths() {
  if (under_uploads_) co_await under_uploads_->stop();
  if (pages_) co_await pages_->stop();
  if (under_mounts_) co_await under_mounts_->stop();
}

Result<void> Worker::listen() {
  ASSIGN_OR_RETURN(address_, server_->listen(config_.listen));
  if (config_.unix_listen.is_unix()) TRY(server_->listen(config_.unix_listen));
  return {};
}

void Worker::start_background() {
  RegistrationConfig registration = config_.registration;
  os::Address advertised = address_;
  if (!config_.advertised_host.empty()) advertised.host = config_.advertised_host;
  registration.address.set_address(advertised.to_string());
  if (config_.unix_listen.is_unix()) registration.address.set_unix_address(config_.unix_listen.to_string());
  registration.address.set_host_id(env_.host_id);

  masters_ = std::make_unique<MasterLink>(env_, config_.masters, executors_.front());
  duties_ = std::make_unique<Duties>(env_.clock, *store_, env_.blocking, scope_, config_.duties, log_);
  registration_ = std::make_unique<Registration>(env_, *store_, *masters_, *duties_, std::move(registration), log_, events_);
  scrubber_ = std::make_unique<Scrubber>(env_, *store_, config_.scrub, events_);
  scope_.spawn(registration_->run(scope_.token()));
  scope_.spawn(scrubber_->run(scope_.token()));
  scope_.spawn(keep_house(this, scope_.token()));
}

Task<void> Worker::keep_house(Worker* self, std::stop_token stop) {
  auto keep = [self] {
    const uint64_t before = self->store_->grown_bytes();
    self->store_->housekeeping();
    self->writers_->wrote(self->store_->grown_bytes() - before);
    return true;
  };
  while (!stop.stop_requested()) {
    Task<bool> sleeping = self->env_.clock.sleep(self->config_.housekeeping, stop);
    co_await std::move(sleeping);
    co_await async::run_blocking(self->env_.blocking, keep);
  }
}

// The master is left first, so that it sees no half-stopped worker; then callers; the last housekeeping writes what the next
// start wants to know.
Task<void> Worker::stop() {
  if (!server_) co_return;
  if (masters_) co_await masters_->stop();
  if (tasks_) co_await tasks_->stop();
  co_await stop_under_paths();
  co_await scope_.stop();
  co_await server_->stop();
  auto keep = [this] {
    store_->sync_unsealed();
    store_->housekeeping();
    return true;
  };
  co_await async::run_blocking(env_.blocking, keep);
}

}  // namespace forebay::worker
