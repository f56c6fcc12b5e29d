#include "coordinator/coordinator.h"

#include <utility>

namespace forebay::coordinator {

Coordinator::Coordinator(os::Env& env, CoordinatorConfig config, OpenStore open_store, async::Executor executor, obs::Log& log,
                         CoordinatorEvents* events)
    : env_(env),
      config_(std::move(config)),
      open_store_(std::move(open_store)),
      executor_(std::move(executor)),
      log_(log),
      events_(events),
      call_log_(log, env.clock, events),
      scope_(executor_) {}

Coordinator::~Coordinator() = default;

Task<Result<void>> Coordinator::start() {
  if (config_.masters.empty()) co_return invalid("a coordinator needs the address of at least one master");
  CO_ASSIGN_OR_RETURN(store_, open_store_());
  master_ = std::make_unique<MasterSession>(env_, config_, executor_, log_);
  workers_ = std::make_unique<WorkerPool>(env_, config_, *master_, executor_);
  jobs_ = std::make_unique<JobTable>(env_, config_, *master_, *workers_, log_);
  tasks_ = std::make_unique<TaskStore>(env_, *store_);
  breakers_ = std::make_unique<Breakers>(env_.clock, config_);
  mounts_ = std::make_unique<Mounts>(env_.clock, *master_);
  calls_ = std::make_unique<MasterCalls>(env_, *master_, executor_);
  operations_ = std::make_unique<Operations>(
      Operations{.master = *master_, .workers = *workers_, .jobs = *jobs_, .breakers = *breakers_, .pace = pace_});
  add_operations(router_, operations_.get());
  server_ = std::make_unique<rpc::Server>(env_, router_, config_.server, std::vector{executor_}, &call_log_);
  Result<void> begun = listen();
  if (begun) {
    Task<Result<void>> beginning = master_->begin(scope_.token());
    begun = co_await std::move(beginning);
  }
  if (!begun) {
    co_await stop();
    co_return begun;
  }
  os::Address advertised = address_;
  if (!config_.advertised_host.empty()) advertised.host = config_.advertised_host;
  parts_ = std::make_unique<Runner::Parts>(Runner::Parts{.env = env_,
                                                         .config = config_,
                                                         .master = *master_,
                                                         .calls = *calls_,
                                                         .workers = *workers_,
                                                         .jobs = *jobs_,
                                                         .tasks = *tasks_,
                                                         .breakers = *breakers_,
                                                         .mounts = *mounts_,
                                                         .pace = pace_,
                                                         .log = log_,
                                                         .address = advertised.to_string()});
  runner_ = std::make_unique<Runner>(*parts_);
  dispatcher_ = std::make_unique<Dispatcher>(*parts_, *runner_, executor_);
  fetcher_ = std::make_unique<Fetcher>(*parts_, *runner_, executor_);
  Task<void> looking = workers_->refresh(scope_.token());
  co_await std::move(looking);
  scope_.spawn(MasterSession::keep_alive(master_.get(), scope_.token()));
  scope_.spawn(WorkerPool::keep_fresh(workers_.get(), scope_.token()));
  scope_.spawn(keep_pace(this, scope_.token()));
  scope_.spawn(JobTable::keep_leases(jobs_.get(), scope_.token()));
  dispatcher_->start();
  fetcher_->start();
  co_return Result<void>{};
}

Task<void> Coordinator::keep_pace(Coordinator* self, std::stop_token stop) {
  for (;;) {
    self->pace_.tick();
    if (self->events_) self->events_->pace(describe_pace(*self->operations_));
    Task<bool> sleeping = self->env_.clock.sleep(std::chrono::seconds(1), stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
  }
}

Result<void> Coordinator::listen() {
  ASSIGN_OR_RETURN(address_, server_->listen(config_.listen));
  return {};
}

// Operations are left at their workers, which need this server no longer: the next start joins them.
Task<void> Coordinator::stop() {
  if (!server_) co_return;
  co_await calls_->stop();  // or those who wait for answers would not end
  if (fetcher_) co_await fetcher_->stop();
  if (dispatcher_) co_await dispatcher_->stop();
  co_await scope_.stop();
  co_await server_->stop();
  co_await workers_->stop();
  co_await master_->stop();
}

}  // namespace forebay::coordinator
