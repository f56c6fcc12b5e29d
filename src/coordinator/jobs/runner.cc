#include "coordinator/jobs/runner.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace forebay::coordinator {

namespace {

namespace persists = v1::persist_service;
using std::chrono::milliseconds;

constexpr size_t kPlacesForFetches = 12;  // at each worker, beside other tasks: below the 64 that it takes
constexpr int kMostSteps = 1'000;         // of one intent, done at the master, before it goes to the end of the queue
constexpr Duration kLong = std::chrono::seconds(10);
constexpr uint64_t kMostRest = 600'000;  // ms that a look may ask to be put off
constexpr rpc::Backoff kPause{.first = milliseconds(100), .most = std::chrono::seconds(5)};

int64_t milliseconds_of(Duration duration) { return std::chrono::duration_cast<milliseconds>(duration).count(); }

std::string_view name_of(const Outcome& outcome) {
  switch (outcome.outcome_case()) {
    case Outcome::kDone: return "done";
    case Outcome::kRefused: return "refused";
    case Outcome::kFailed: return "failed";
    case Outcome::kGaveUp: return "given up";
    case Outcome::OUTCOME_NOT_SET: return "unknown";
  }
  return "unknown";
}

bool moves_bytes(const v1::OperationRecord& record) {
  return record.kind() == v1::OPERATION_UPLOAD || record.kind() == v1::OPERATION_RESTORE;
}

// Released at the end of a block, whichever way it is left.
class Permit {
 public:
  explicit Permit(async::Semaphore& semaphore) : semaphore_(semaphore) {}
  ~Permit() { semaphore_.release(); }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

 private:
  async::Semaphore& semaphore_;
};

}  // namespace

Outcome Runner::failed(std::string why) {
  Outcome outcome;
  outcome.mutable_failed()->set_error(readable_text(why));
  return outcome;
}

// Whoever comes to nothing at a dead store, or is not let through to it, may be the one that finds out whether it is back.
Outcome Runner::with_next_probe(Outcome outcome, uint64_t mount) {
  if (!outcome.has_failed() || outcome.failed().permanent()) return outcome;
  if (const std::optional<Duration> wait = parts_.breakers.next_probe(mount))
    outcome.mutable_failed()->set_again_ms(static_cast<uint32_t>(std::chrono::ceil<milliseconds>(*wait).count()));
  return outcome;
}

// ---- what the log says: at the level debug, since there may be thousands a second; what took long, at info ----

void Runner::note_begin(const Job& job, std::string_view how) const {
  const v1::OperationRecord& record = job->operation.record();
  parts_.log.debug(how, {{"trace", to_string(job->trace)},
                         {"operation", job->id()},
                         {"kind", v1::OperationKind_Name(record.kind())},
                         {"key", readable_text(record.key())},
                         {"size", record.size()},
                         {"attempts", record.attempts()}});
}

void Runner::note_worker(const Job& job) const {
  parts_.log.debug("a worker has an operation",
                   {{"trace", to_string(job->trace)}, {"operation", job->id()}, {"worker", job->worker.value}});
}

void Runner::note_end(const Job& job, const Outcome& outcome) const {
  const Duration took = parts_.env.clock.now() - job->begun_at;
  parts_.log.write(took < kLong ? obs::Level::kDebug : obs::Level::kInfo, "an operation has ended",
                   {{"trace", to_string(job->trace)},
                    {"operation", job->id()},
                    {"outcome", name_of(outcome)},
                    {"error", outcome.failed().error()},
                    {"took_ms", milliseconds_of(took)}});
}

// ---- from the intent to the operation ----

// A step of a tree is as long as hundreds of others: it goes alone.
Task<Result<v1::StartIntentReply>> Runner::start(v1::WaitingIntent intent, std::stop_token stop) {
  v1::StartIntentRequest request;
  *request.mutable_place() = intent.place();
  request.set_lease_ms(milliseconds_of(parts_.config.lease));
  const bool is_tree = intent.intent().kind() == v1::INTENT_SETTLE_TREE;
  if (is_tree) return parts_.master.call<persists::StartIntent>(std::move(request), std::move(stop));
  return parts_.calls.start(std::move(request));
}

Task<Runner::Ran> Runner::run_intent(v1::WaitingIntent intent, std::stop_token stop) {
  Ran ran;
  for (int step = 0; step < kMostSteps && !stop.stop_requested(); ++step) {
    Task<Result<v1::StartIntentReply>> starting = start(intent, stop);
    Result<v1::StartIntentReply> reply = co_await std::move(starting);
    ran.is_left = !reply || reply->has_waits();
    if (!reply) {
      const bool is_news = !reply.error().is(Code::kCancelled) && !reply.error().is(Code::kBusy);
      if (is_news) parts_.log.error("an intent could not be started", {{"error", reply.error().to_string()}});
    }
    if (ran.is_left) co_return ran;
    ran.did_something = true;
    if (reply->has_again()) continue;
    ran.is_left = reply->has_first();
    v1::Operation* operation = reply->has_started() ? reply->mutable_started() : nullptr;
    if (reply->has_first()) operation = reply->mutable_first();
    if (operation != nullptr) {
      Task<void> running = run(std::move(*operation), stop);
      co_await std::move(running);
    }
    co_return ran;
  }
  ran.is_left = true;
  co_return ran;
}

Task<void> Runner::run_fetch(uint64_t object, std::stop_token stop) {
  v1::StartFetchRequest request;
  request.set_object(object);
  request.set_lease_ms(milliseconds_of(parts_.config.lease));
  Task<Result<v1::StartIntentReply>> starting = parts_.master.call<persists::StartFetch>(std::move(request), stop);
  Result<v1::StartIntentReply> reply = co_await std::move(starting);
  const bool is_news = !reply && !reply.error().is(Code::kCancelled) && !reply.error().is(Code::kBusy);
  if (is_news) parts_.log.error("a block could not be asked for", {{"object", object}, {"error", reply.error().to_string()}});
  if (!reply || !reply->has_started()) co_return;
  Task<void> running = run(std::move(*reply->mutable_started()), stop);
  co_await std::move(running);
}

Task<void> Runner::run(v1::Operation operation, std::stop_token stop) {
  Job job = parts_.jobs.add(std::move(operation));
  if (!job) co_return;  // a repeated answer: it runs
  note_begin(job, "an operation begins");
  Task<std::optional<Outcome>> executing = execute(job, stop);
  std::optional<Outcome> outcome = co_await std::move(executing);
  Task<void> finishing = finish(job, std::move(outcome), stop);
  co_await std::move(finishing);
}

Task<std::optional<Outcome>> Runner::execute(Job job, std::stop_token stop) {
  const uint64_t mount = job->operation.record().mount();
  if (!parts_.breakers.admit(mount)) {
    const std::string why = parts_.breakers.why(mount);
    co_return with_next_probe(failed("the store does not answer" + (why.empty() ? "" : ": " + why)), mount);
  }
  Task<std::optional<Outcome>> running = run_in_lane(job, stop);
  std::optional<Outcome> outcome = co_await std::move(running);
  record(job, false, "");
  // Outside of the lane: what a dead store has left undone must not keep others out.
  if (job->has_no_outcome) {
    Task<std::optional<Outcome>> giving_up = give_up(job, true, stop);
    outcome = co_await std::move(giving_up);
  }
  if (outcome) outcome = with_next_probe(*std::move(outcome), mount);
  co_return outcome;
}

void Runner::record(const Job& job, bool store_failed, std::string why) {
  if (std::exchange(job->is_recorded, true)) return;
  parts_.breakers.record(job->operation.record().mount(), store_failed, std::move(why));
}

Task<std::optional<Outcome>> Runner::run_in_lane(Job job, std::stop_token stop) {
  const v1::OperationRecord& record = job->operation.record();
  if (record.object() != 0) {  // somebody waits: they have a limit of their own
    Task<std::optional<Outcome>> fetching = run_at_a_worker(job, stop);
    co_return co_await std::move(fetching);
  }
  const bool is_large = moves_bytes(record) && record.size() >= parts_.config.large_from;
  if (is_large && parts_.pace.large.waiting >= parts_.config.large_waiting) {
    co_return failed("many large files are before it");
  }
  async::Semaphore& lane = is_large ? large_ : small_;
  LaneCount& count = is_large ? parts_.pace.large : parts_.pace.small;
  ++count.waiting;
  co_await lane.acquire();
  --count.waiting;
  Permit permit(lane);
  ++count.running;
  Task<std::optional<Outcome>> running = run_at_a_worker(job, stop);
  std::optional<Outcome> outcome = co_await std::move(running);
  --count.running;
  co_return outcome;
}

// ---- at a worker ----

Task<std::optional<WorkerId>> Runner::find_worker(Job job, size_t most_tasks, std::stop_token stop) {
  WorkerPool::Search search{.bytes = WorkerPool::bytes_of(job->operation.layout()),
                            .most_tasks = most_tasks,
                            .give_up = parts_.env.clock.now() + parts_.config.no_worker};
  return WorkerPool::find_place(&parts_.workers, std::move(search), std::move(stop), job->lost.get_token());
}

Task<std::optional<Outcome>> Runner::run_at_a_worker(Job job, std::stop_token stop) {
  const os::Instant give_up_at = parts_.env.clock.now() + parts_.config.no_worker;
  while (!stop.stop_requested() && !job->lost.stop_requested()) {
    if (job->cancelled) co_return failed("cancelled by an operator");
    const bool is_fetch = job->operation.record().object() != 0;
    const size_t most_tasks = parts_.config.tasks_per_worker + (is_fetch ? kPlacesForFetches : 0);
    Task<std::optional<WorkerId>> finding = find_worker(job, most_tasks, stop);
    std::optional<WorkerId> worker = co_await std::move(finding);
    if (stop.stop_requested() || job->lost.stop_requested()) break;
    if (!worker || parts_.env.clock.now() >= give_up_at) {
      if (worker) parts_.workers.release(*worker);
      co_return failed("no worker takes it");
    }
    Task<Driven> giving = give_to(job, *worker, false, stop);
    Driven driven = co_await std::move(giving);
    parts_.workers.release(*worker);
    switch (driven.how) {
      case Driven::How::kNotBegun: parts_.workers.avoid(*worker); continue;
      case Driven::How::kStopped: co_return std::nullopt;
      case Driven::How::kLost: parts_.workers.avoid(*worker); break;
      case Driven::How::kEnded: record(job, driven.store_failed && !job->cancelled, driven.store_error); break;
    }
    const bool is_known = driven.how == Driven::How::kEnded && driven.outcome.outcome_case() != Outcome::OUTCOME_NOT_SET;
    if (is_known) co_return std::move(driven.outcome);
    job->has_no_outcome = true;
    break;
  }
  co_return std::nullopt;
}

Task<Runner::Driven> Runner::give_to(Job job, WorkerId worker, bool look, std::stop_token stop) {
  v1::PersistTask task;
  Task<Result<v1::Mount>> asking = parts_.mounts.get(job->operation.record().mount(), stop);
  Result<v1::Mount> mount = co_await std::move(asking);
  if (!mount) {
    if (mount.error().is(Code::kCancelled)) co_return Driven{Driven::How::kStopped, {}};
    Driven driven{Driven::How::kEnded, failed(mount.error().to_string())};
    if (look) driven.outcome.clear_outcome();
    co_return driven;
  }
  *task.mutable_mount() = *std::move(mount);
  if (!look) {
    Task<void> adding = add_content(job);
    co_await std::move(adding);
  }
  *task.mutable_operation() = job->operation;
  task.set_cluster(parts_.master.cluster());
  task.set_look(look);
  task.set_coordinator(parts_.address);
  v1::TaskRecord record;
  record.set_epoch(job->epoch());
  record.set_worker(worker.value);
  record.set_look(look);
  Task<Result<void>> putting = parts_.tasks.put(job->id(), std::move(record));
  Result<void> recorded = co_await std::move(putting);
  // Without the record a restart costs the rest of a lease, nothing more.
  if (!recorded)
    parts_.log.warning("a task was not recorded", {{"trace", to_string(job->trace)}, {"error", recorded.error().to_string()}});
  Task<Driven> driving = drive(job, worker, std::move(task), false, stop);
  co_return co_await std::move(driving);
}

// What the master keeps of a small file goes to the worker with the task, or it would come back to ask for it.
Task<void> Runner::add_content(Job job) {
  const bool lacks_content = std::ranges::any_of(job->operation.layout().objects(), [](const v1::ObjectLocation& object) {
    return object.inlined() && object.content().empty() && object.length() != 0;
  });
  if (!lacks_content) co_return;
  v1::GetUploadLayoutRequest request;
  request.set_operation(job->id());
  request.set_epoch(job->epoch());
  Task<Result<v1::Layout>> asking = parts_.calls.layout(std::move(request));
  Result<v1::Layout> layout = co_await std::move(asking);
  if (layout) *job->operation.mutable_layout() = *std::move(layout);
}

// `may_run`: the worker may have heard of it. From then on only its word, or the end of its lease, says that it does not run
// there.
Task<Runner::Driven> Runner::drive(Job job, WorkerId worker, v1::PersistTask task, bool may_run, std::stop_token stop) {
  job->worker = worker;
  job->worker_heard_at = parts_.env.clock.now();
  job->worker_lease_until = job->worker_heard_at + parts_.config.lease;
  job->state = task.look() ? "is taken over" : "runs";
  note_worker(job);
  struct Leave {
    Job job;
    ~Leave() { job->worker = {}; }
  } leave{job};
  for (int attempt = 0;; ++attempt) {
    v1::RunTaskRequest request;
    request.set_join(may_run);
    request.set_lease_ms(lease_for(job));
    request.set_wait_ms(static_cast<uint32_t>(milliseconds_of(parts_.config.check_interval)));
    if (may_run) {
      request.mutable_task()->mutable_operation()->set_operation(job->id());
      request.mutable_task()->mutable_operation()->mutable_record()->set_epoch(job->epoch());
    } else {
      *request.mutable_task() = task;
    }
    Task<Result<v1::RunTaskReply>> calling =
        parts_.workers.call<v1::task_service::RunTask>(worker, std::move(request), stop, job->trace);
    Result<v1::RunTaskReply> reply = co_await std::move(calling);
    if (stop.stop_requested()) co_return Driven{Driven::How::kStopped, {}};
    if (reply) parts_.workers.tell_bandwidth(worker, reply->bandwidth());
    if (reply && reply->has_ended()) {
      if (!reply->store_error().empty()) job->error = reply->store_error();
      co_return Driven{Driven::How::kEnded, std::move(*reply->mutable_ended()), reply->store_failed(),
                       milliseconds(std::min<uint64_t>(reply->look_again_ms(), kMostRest)), reply->store_error()};
    }
    if (reply) {
      may_run = true;
      attempt = 0;
      job->bytes_done = reply->running().bytes_done();
      job->worker_heard_at = parts_.env.clock.now();
      job->worker_lease_until = std::max(job->worker_lease_until, job->worker_heard_at + parts_.config.lease);
    } else {
      // A request whose answer was lost may have prolonged the lease.
      if (reply.error().is(Code::kUnknown) && lease_for(job) != 0)
        job->worker_lease_until = parts_.env.clock.now() + parts_.config.lease;
      if (std::optional<Driven> over = judge(job, reply.error(), &may_run)) co_return *std::move(over);
      Task<bool> sleeping = parts_.env.clock.sleep(kPause.pause(attempt, parts_.env.random), stop);
      co_await std::move(sleeping);
    }
    const bool cancels = job->cancelled && !task.look();
    if (job->lost.stop_requested() || cancels) {
      v1::CancelTaskRequest cancel;
      cancel.set_operation(job->id());
      cancel.set_epoch(job->epoch());
      Task<Result<v1::CancelTaskReply>> cancelling =
          parts_.workers.call<v1::task_service::CancelTask>(worker, cancel, stop, job->trace);
      (void)co_await std::move(cancelling);  // it stops at the end of its lease otherwise
      if (job->lost.stop_requested()) co_return Driven{Driven::How::kStopped, {}};
    }
  }
}

// Of a worker that was silent for a whole lease no more is asked than whether it has the task.
uint32_t Runner::lease_for(const Job& job) const {
  const bool is_silent = parts_.env.clock.now() - job->worker_heard_at >= parts_.config.lease;
  return is_silent ? 0 : static_cast<uint32_t>(milliseconds_of(parts_.config.lease));
}

std::optional<Runner::Driven> Runner::judge(const Job& job, const Status& error, bool* may_run) const {
  if (error.is(Code::kUnknown)) *may_run = true;
  if (!*may_run) return Driven{Driven::How::kNotBegun, {}};
  if (error.is(Code::kStale)) return Driven{Driven::How::kLost, {}};
  const bool is_over = parts_.env.clock.now() >= job->worker_lease_until + parts_.config.margin;
  if (is_over) return Driven{Driven::How::kLost, {}};
  return std::nullopt;
}

// ---- after a worker ----

Task<std::optional<Outcome>> Runner::give_up(Job job, bool lease_has_ended, std::stop_token stop) {
  job->state = "is taken over";
  for (int attempt = 0; !stop.stop_requested() && !job->lost.stop_requested(); ++attempt) {
    Task<bool> fencing = fence(job, lease_has_ended, stop);
    const bool fenced = co_await std::move(fencing);
    if (!fenced) co_return std::nullopt;
    lease_has_ended = true;
    Task<std::optional<WorkerId>> finding = find_worker(job, parts_.config.tasks_per_worker / 2, stop);
    std::optional<WorkerId> worker = co_await std::move(finding);
    if (!worker) continue;
    Task<Driven> giving = give_to(job, *worker, true, stop);
    Driven driven = co_await std::move(giving);
    parts_.workers.release(*worker);
    if (driven.how == Driven::How::kStopped) co_return std::nullopt;
    if (driven.how != Driven::How::kEnded) parts_.workers.avoid(*worker);
    if (driven.how == Driven::How::kEnded && driven.outcome.has_refused()) {
      Outcome outcome;
      *outcome.mutable_gave_up() = std::move(*driven.outcome.mutable_refused());
      co_return outcome;
    }
    // Whoever looks next knows since when nothing is sent for it: the wait is not begun anew.
    const Duration pause = std::max(driven.look_again, kPause.pause(attempt, parts_.env.random));
    Task<bool> sleeping = parts_.env.clock.sleep(pause, stop);
    co_await std::move(sleeping);
  }
  co_return std::nullopt;
}

Task<bool> Runner::fence(Job job, bool lease_has_ended, std::stop_token stop) {
  v1::FenceOperationRequest request;
  request.set_operation(job->id());
  request.set_epoch(job->epoch());
  request.set_worker_is_gone(lease_has_ended);
  request.set_lease_ms(milliseconds_of(parts_.config.lease));
  Task<Result<v1::Operation>> fencing = parts_.master.call<persists::FenceOperation>(std::move(request), stop, job->trace);
  Result<v1::Operation> fenced = co_await std::move(fencing);
  if (fenced) {
    job->operation = *std::move(fenced);
    co_return true;
  }
  const bool is_news = !fenced.error().is(Code::kCancelled) && !fenced.error().is(Code::kStale);
  if (is_news)
    parts_.log.error("an operation could not be fenced",
                     {{"trace", to_string(job->trace)}, {"operation", job->id()}, {"error", fenced.error().to_string()}});
  co_return false;
}

Task<void> Runner::finish(Job job, std::optional<Outcome> outcome, std::stop_token stop) {
  job->state = "ends";
  const bool is_left = !outcome || stop.stop_requested();
  if (!is_left) {
    parts_.pace.ended(outcome->has_done(), moves_bytes(job->operation.record()) ? job->operation.record().size() : 0);
    outcome->set_operation(job->id());
    outcome->set_epoch(job->epoch());
    note_end(job, *outcome);
    Task<Result<v1::FinishOperationReply>> finishing = MasterCalls::finish(&parts_.calls, *std::move(outcome));
    Result<v1::FinishOperationReply> reply = co_await std::move(finishing);
    const bool is_told = reply || reply.error().is(Code::kStale);
    if (!is_told && !reply.error().is(Code::kCancelled)) {
      // Its lease ends, and it is taken over: nothing is lost, and somebody hears of it.
      parts_.log.error("an operation could not be ended",
                       {{"trace", to_string(job->trace)}, {"operation", job->id()}, {"error", reply.error().to_string()}});
    }
    if (is_told) {
      Task<Result<void>> erasing = parts_.tasks.erase(job->id());
      Result<void> erased = co_await std::move(erasing);
      if (!erased)
        parts_.log.warning("a task's record stays", {{"trace", to_string(job->trace)}, {"error", erased.error().to_string()}});
    }
  }
  parts_.jobs.remove(job);
}

// ---- after a restart ----

Task<void> Runner::resume(v1::Operation operation, v1::TaskRecord record, std::stop_token stop) {
  Job job = parts_.jobs.add(std::move(operation));
  if (!job) co_return;
  note_begin(job, "an operation of before goes on");
  const WorkerId worker{record.worker()};
  v1::PersistTask task;
  task.set_look(record.look());
  parts_.workers.take(worker);
  Task<Driven> driving = drive(job, worker, std::move(task), true, stop);
  Driven driven = co_await std::move(driving);
  parts_.workers.release(worker);
  std::optional<Outcome> outcome;
  const bool has_outcome = driven.how == Driven::How::kEnded && driven.outcome.outcome_case() != Outcome::OUTCOME_NOT_SET;
  if (has_outcome && !record.look()) outcome = std::move(driven.outcome);
  if (has_outcome && record.look() && driven.outcome.has_refused()) {
    outcome.emplace();
    *outcome->mutable_gave_up() = std::move(*driven.outcome.mutable_refused());
  }
  if (!outcome && driven.how != Driven::How::kStopped) {
    Task<std::optional<Outcome>> giving_up = give_up(job, true, stop);
    outcome = co_await std::move(giving_up);
  }
  Task<void> finishing = finish(job, std::move(outcome), stop);
  co_await std::move(finishing);
}

Task<void> Runner::take_over(v1::Operation operation, std::stop_token stop) {
  Job job = parts_.jobs.add(std::move(operation));
  if (!job) co_return;
  note_begin(job, "an operation that nobody works on is taken over");
  Task<std::optional<Outcome>> giving_up = give_up(job, false, stop);
  std::optional<Outcome> outcome = co_await std::move(giving_up);
  Task<void> finishing = finish(job, std::move(outcome), stop);
  co_await std::move(finishing);
}

}  // namespace forebay::coordinator
