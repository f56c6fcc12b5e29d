#include "coordinator/jobs/job_table.h"

#include <algorithm>

#include "forebay/v1/persist.rpc.h"

namespace forebay::coordinator {

namespace {

constexpr int kMost = 1'000;  // in one call, by the protocol

int64_t milliseconds_of(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

}  // namespace

v1::Job LiveJob::describe() const {
  const v1::OperationRecord& record = operation.record();
  v1::Job job;
  job.set_operation(id());
  job.set_kind(record.kind());
  job.set_mount(record.mount());
  job.set_key(record.key());
  job.set_inode(record.inode());
  job.set_size(record.size());
  job.set_bytes_done(bytes_done);
  job.set_worker(worker.value);
  job.set_started_ns(record.started_ns());
  job.set_state(state);
  job.set_error(error);
  job.set_attempts(record.attempts());
  job.set_trace(to_string(trace));
  return job;
}

Job JobTable::add(v1::Operation operation) {
  auto job = std::make_shared<LiveJob>();
  job->operation = std::move(operation);
  job->begun_at = env_.clock.now();
  job->trace = trace_of_operation(master_.cluster(), job->id());
  return jobs_.emplace(job->id(), job).second ? job : nullptr;
}

Job JobTable::find(uint64_t operation) const {
  auto job = jobs_.find(operation);
  return job == jobs_.end() ? nullptr : job->second;
}

v1::ListJobsReply JobTable::list(const v1::ListJobsRequest& request) const {
  const int limit = static_cast<int>(request.limit() == 0 ? kMost : std::min<uint32_t>(request.limit(), kMost));
  v1::ListJobsReply reply;
  for (auto job = jobs_.upper_bound(request.after()); job != jobs_.end(); ++job) {
    reply.set_more(reply.jobs_size() == limit);
    if (reply.more()) break;
    *reply.add_jobs() = job->second->describe();
  }
  return reply;
}

Task<void> JobTable::keep_leases(JobTable* table, std::stop_token stop) {
  for (;;) {
    Task<bool> sleeping = table->env_.clock.sleep(table->config_.lease / 3, stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
    Task<void> at_master = table->renew_at_master(stop);
    co_await std::move(at_master);
    Task<void> at_workers = table->renew_at_workers(stop);
    co_await std::move(at_workers);
  }
}

Task<void> JobTable::renew_at_master(std::stop_token stop) {
  for (uint64_t after = 0;;) {
    v1::RenewOperationsRequest request;
    request.set_lease_ms(milliseconds_of(config_.lease));
    for (auto job = jobs_.upper_bound(after); job != jobs_.end() && request.operations_size() < kMost; ++job) {
      v1::OperationEpoch& name = *request.add_operations();
      name.set_operation(job->second->id());
      name.set_epoch(job->second->epoch());
      after = job->first;
    }
    if (request.operations().empty()) co_return;
    Task<Result<v1::RenewOperationsReply>> renewing = master_.call<v1::persist_service::RenewOperations>(request, stop);
    Result<v1::RenewOperationsReply> reply = co_await std::move(renewing);
    if (!reply) {
      if (!reply.error().is(Code::kCancelled)) log_.warning("leases were not renewed", {{"error", reply.error().to_string()}});
      co_return;
    }
    for (const uint64_t lost : reply->lost()) {
      const Job job = find(lost);
      const auto asked = std::ranges::find(request.operations(), lost, &v1::OperationEpoch::operation);
      // Between question and answer it may have been fenced by us, or have ended.
      if (job && job->epoch() == asked->epoch()) job->lost.request_stop();
    }
  }
}

Task<void> JobTable::renew_at_workers(std::stop_token stop) {
  std::map<WorkerId, v1::RenewTasksRequest> requests;
  for (const auto& [operation, job] : jobs_) {
    // A worker that is silent for a lease is no longer asked: or a late request could prolong what is about to be given up.
    if (!job->worker || env_.clock.now() - job->worker_heard_at >= config_.lease) continue;
    v1::OperationEpoch& name = *requests[job->worker].add_tasks();
    name.set_operation(job->id());
    name.set_epoch(job->epoch());
  }
  // Beside each other: a worker that does not answer must not cost the others their leases.
  async::Scope scope(co_await async::current_executor());
  async::Semaphore ended(0);
  size_t asked = 0;
  for (auto& [worker, request] : requests) {
    request.set_lease_ms(static_cast<uint32_t>(milliseconds_of(config_.lease)));
    struct Ask {
      static Task<void> run(JobTable* table, WorkerId worker, v1::RenewTasksRequest request, std::stop_token stop,
                            async::Semaphore* ended) {
        Task<void> renewing = table->renew_at(worker, std::move(request), std::move(stop));
        co_await std::move(renewing);
        ended->release();
      }
    };
    scope.spawn(Ask::run(this, worker, std::move(request), stop, &ended));
    ++asked;
  }
  for (; asked != 0; --asked) co_await ended.acquire();
  co_await scope.stop();
}

Task<void> JobTable::renew_at(WorkerId worker, v1::RenewTasksRequest request, std::stop_token stop) {
  // A lease that may have been taken runs until this, whether or not the answer comes.
  const os::Instant sent_at = env_.clock.now();
  Task<Result<v1::RenewTasksReply>> renewing = workers_.call<v1::task_service::RenewTasks>(worker, request, std::move(stop));
  Result<v1::RenewTasksReply> reply = co_await std::move(renewing);
  const os::Instant until = (reply ? sent_at : env_.clock.now()) + config_.lease;
  if (!reply && !reply.error().is(Code::kUnknown)) co_return;
  for (const v1::OperationEpoch& name : request.tasks()) {
    const Job job = find(name.operation());
    if (job && job->worker == worker) job->worker_lease_until = std::max(job->worker_lease_until, until);
  }
  if (!reply) co_return;
  for (const v1::TaskProgress& progress : reply->running()) {
    const Job job = find(progress.operation());
    if (!job || job->worker != worker) continue;
    job->bytes_done = progress.bytes_done();
    job->worker_heard_at = env_.clock.now();
  }
}

}  // namespace forebay::coordinator
