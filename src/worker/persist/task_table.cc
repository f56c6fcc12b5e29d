#include "worker/persist/task_table.h"

#include <algorithm>
#include <utility>

#include "worker/persist/looking.h"
#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

namespace {

using std::chrono::milliseconds;

constexpr uint32_t kMostWait = 10'000;  // ms
constexpr int kMostRenewals = 1'000;
constexpr Duration kProbeWithin = std::chrono::seconds(45);  // a dozen requests and more

std::string describe(const LiveTask& live) {
  const v1::OperationRecord& record = live.task.operation().record();
  return v1::OperationKind_Name(record.kind()) + " " + std::to_string(live.id()) + " of " + ufs::quoted(record.key());
}

}  // namespace

TaskTable::TaskTable(os::Env& env, ObjectStore& objects, PersistConfig config, async::Executor executor, obs::Log& log,
                     WorkerEvents& events, Writers* writers)
    : env_(env),
      objects_(objects),
      config_(std::move(config)),
      executor_(std::move(executor)),
      log_(log),
      events_(events),
      scope_(executor_),
      stores_(env, config_.open),
      peers_(env, executor_),
      bucket_(env.clock, config_.bytes_per_second),
      pace_(env.clock, objects, writers, config_.bytes_per_second_beside_writers) {}

Task<void> TaskTable::stop() {
  stopping_ = true;
  for (auto& [operation, live] : running_) live->stop.request_stop();
  co_await scope_.stop();
  co_await peers_.stop();
}

// ---- what callers ask ----

Task<Result<v1::RunTaskReply>> TaskTable::run(TaskTable* table, v1::RunTaskRequest request) {
  const milliseconds lease(request.lease_ms()), wait(std::min(request.wait_ms(), kMostWait));
  Task<Result<Live>> finding = table->find_or_begin(std::move(request));
  CO_ASSIGN_OR_RETURN(Live live, co_await std::move(finding));
  live->lease_until = std::max(live->lease_until, table->env_.clock.now() + lease);
  if (!live->ended.stop_requested()) {
    Task<bool> waiting = table->env_.clock.sleep(wait, live->ended.get_token());
    co_await std::move(waiting);
  }
  v1::RunTaskReply reply;
  reply.set_bandwidth(table->config_.bytes_per_second);
  if (live->ended.stop_requested()) {
    *reply.mutable_ended() = live->outcome;
    const bool failed_now = live->outcome.has_failed() && !live->outcome.failed().permanent();
    reply.set_store_failed((failed_now || live->outcome.outcome_case() == Outcome::OUTCOME_NOT_SET) && !live->store_is_innocent);
    if (reply.store_failed()) reply.set_store_error(failed_now ? live->outcome.failed().error() : live->store_error);
    reply.set_look_again_ms(static_cast<uint64_t>(std::chrono::ceil<milliseconds>(live->look_again).count()));
  } else {
    reply.mutable_running()->set_operation(live->id());
    reply.mutable_running()->set_bytes_done(live->bytes_done);
  }
  co_return reply;
}

Task<Result<v1::RenewTasksReply>> TaskTable::renew(TaskTable* table, v1::RenewTasksRequest request) {
  if (request.tasks_size() > kMostRenewals) co_return invalid("more than 1000 tasks in one call");
  const os::Instant until = table->env_.clock.now() + milliseconds(request.lease_ms());
  v1::RenewTasksReply reply;
  for (const v1::OperationEpoch& name : request.tasks()) {
    auto running = table->running_.find(name.operation());
    if (running == table->running_.end() || running->second->epoch() != name.epoch()) {
      reply.add_unknown(name.operation());
      continue;
    }
    LiveTask& live = *running->second;
    live.lease_until = std::max(live.lease_until, until);
    v1::TaskProgress& progress = *reply.add_running();
    progress.set_operation(live.id());
    progress.set_bytes_done(live.bytes_done);
  }
  co_return reply;
}

Task<Result<v1::CancelTaskReply>> TaskTable::cancel(TaskTable* table, v1::CancelTaskRequest request) {
  if (Live live = table->find(request.operation(), request.epoch())) live->stop.request_stop();
  co_return v1::CancelTaskReply();
}

Task<Result<v1::ProbeStoreReply>> TaskTable::probe(TaskTable* table, v1::ProbeStoreRequest request) {
  ufs::StoreOptions options;
  for (const v1::MountOption& option : request.options()) options[option.name()] = option.value();
  CO_ASSIGN_OR_RETURN(const std::unique_ptr<ufs::UnderStore> store, table->config_.open(request.uri(), options));
  ufs::Call call{.deadline = table->env_.clock.now() + kProbeWithin, .stop = table->scope_.token()};
  Task<Result<ufs::Capabilities>> probing = store->probe(std::move(call));
  CO_ASSIGN_OR_RETURN(const ufs::Capabilities found, co_await std::move(probing));
  v1::ProbeStoreReply reply;
  reply.set_capabilities(found.to_text());
  reply.set_has_directories(found.has(ufs::Feature::kDirectories));
  reply.set_has_rename(found.has(ufs::Feature::kRename));
  co_return reply;
}

Task<Result<v1::ListStoreReply>> TaskTable::list(TaskTable* table, v1::ListStoreRequest request) {
  ufs::Call call{.deadline = table->env_.clock.now() + kProbeWithin, .stop = table->scope_.token()};
  Task<Result<std::shared_ptr<ufs::UnderStore>>> opening = table->stores_.get(request.mount(), call);
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<ufs::UnderStore> store, co_await std::move(opening));
  Task<Result<v1::ListStoreReply>> listing = list_store(store.get(), std::move(request), std::move(call));
  co_return co_await std::move(listing);
}

// ---- life of a task ----

TaskTable::Live TaskTable::find(uint64_t operation, uint64_t epoch) const {
  auto running = running_.find(operation);
  if (running != running_.end() && running->second->epoch() == epoch) return running->second;
  for (const Live& live : ended_) {
    if (live->id() == operation && live->epoch() == epoch) return live;
  }
  return nullptr;
}

Task<Result<TaskTable::Live>> TaskTable::find_or_begin(v1::RunTaskRequest request) {
  const uint64_t operation = request.task().operation().operation(), epoch = request.task().operation().record().epoch();
  if (operation == 0 || epoch == 0) co_return invalid("a task needs its operation's id and epoch");
  for (;;) {
    if (Live live = find(operation, epoch)) co_return live;
    const std::string name = "operation " + std::to_string(operation);
    if (request.join()) co_return stale(name + " of epoch " + std::to_string(epoch) + " is not known here");
    if (stopping_) co_return elsewhere("this worker stops");
    auto other = running_.find(operation);
    if (other == running_.end()) break;
    Live before = other->second;
    if (before->epoch() > epoch) co_return stale(name + " runs here under a later epoch");
    before->stop.request_stop();
    Task<bool> waiting = env_.clock.sleep(config_.request_timeout, before->ended.get_token());
    co_await std::move(waiting);
    if (!before->ended.stop_requested()) co_return busy(name + " of an earlier epoch does not end");
  }
  co_return begin(std::move(*request.mutable_task()));
}

Result<TaskTable::Live> TaskTable::begin(v1::PersistTask task) {
  if (running_.size() >= config_.max_tasks) return busy("this worker runs " + std::to_string(running_.size()) + " tasks");
  auto live = std::make_shared<LiveTask>();
  live->task = std::move(task);
  live->trace = trace_of_operation(live->task.cluster(), live->id());
  live->progress_at = env_.clock.now();
  live->lease_until = env_.clock.now();
  running_[live->id()] = live;
  events_.tasks_changed(running_.size());
  if (!scope_.spawn(perform(this, live))) {
    running_.erase(live->id());
    return elsewhere("this worker stops");
  }
  return live;
}

Task<void> TaskTable::perform(TaskTable* table, Live live) {
  co_await async::yield();  // the caller has to give the lease first
  table->note_begin(*live);
  Task<Outcome> carrying = table->carry_out_in(live);
  live->outcome = co_await std::move(carrying);
  live->outcome.set_operation(live->id());
  live->outcome.set_epoch(live->epoch());
  table->note_end(*live);
  live->task.clear_mount();
  live->task.mutable_operation()->clear_layout();
  table->running_.erase(live->id());
  table->events_.task_ended(live->outcome.outcome_case() == Outcome::kDone, live->outcome.has_failed(), live->bytes_done);
  table->events_.tasks_changed(table->running_.size());
  table->keep(live);
  live->ended.request_stop();
}

void TaskTable::note_begin(const LiveTask& live) const {
  log_.debug(live.task.look() ? "a task that was given up is looked at" : "a task begins",
             {{"trace", to_string(live.trace)}, {"task", describe(live)}});
}

void TaskTable::note_end(const LiveTask& live) const {
  if (live.outcome.has_failed())
    log_.warning("a task failed",
                 {{"trace", to_string(live.trace)}, {"task", describe(live)}, {"error", live.outcome.failed().error()}});
  else
    log_.debug("a task has ended", {{"trace", to_string(live.trace)}, {"task", describe(live)}, {"bytes", live.bytes_done}});
}

void TaskTable::keep(const Live& live) {
  ended_.push_back(live);
  if (ended_.size() > config_.outcomes) ended_.pop_front();
}

Task<Outcome> TaskTable::carry_out_in(Live live) {
  ufs::Call call{.deadline = env_.clock.now() + config_.request_timeout, .stop = live->stop.get_token()};
  Task<Result<std::shared_ptr<ufs::UnderStore>>> opening = stores_.get(live->task.mount(), std::move(call));
  Result<std::shared_ptr<ufs::UnderStore>> store = co_await std::move(opening);
  if (!store) {
    if (live->task.look() || store.error().is(Code::kCancelled)) co_return lost();
    co_return failed(store.error());
  }
  PutLimit& put_limit = put_limits_.try_emplace(live->task.mount().mount(), env_.clock, config_.small_bytes).first->second;
  const TaskContext with{.env = env_,
                         .config = config_,
                         .objects = objects_,
                         .peers = peers_,
                         .bucket = bucket_,
                         .pace = pace_,
                         .put_limit = put_limit,
                         .store = **store,
                         .live = *live,
                         .events = events_,
                         .restoring = restoring_};
  co_return co_await carry_out(&with);
}

Task<void> TaskTable::watch(TaskTable* table, std::stop_token stop) {
  while (!stop.stop_requested()) {
    const os::Instant now = table->env_.clock.now();
    for (auto& [operation, live] : table->running_) {
      const bool is_over = now >= live->lease_until || now - live->progress_at >= table->config_.stall;
      if (is_over) live->stop.request_stop();
    }
    Task<bool> sleeping = table->env_.clock.sleep(table->config_.tick, stop);
    co_await std::move(sleeping);
  }
}

}  // namespace forebay::worker
