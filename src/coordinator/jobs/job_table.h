// The operations that this coordinator has in flight.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/sync.h"
#include "base/operation_trace.h"
#include "coordinator/worker_pool.h"
#include "forebay/v1/coordinator.pb.h"
#include "forebay/v1/tasks.pb.h"
#include "obs/log.h"

namespace forebay::coordinator {

// Shared by the table, the coroutine that drives it, and the renewal at work. On the coordinator's executor.
struct LiveJob {
  v1::Operation operation;  // as the master gave it; of the newest epoch
  TraceId trace;            // the operation's
  std::string state = "waits";
  std::string error;                 // what was the matter with the store last
  WorkerId worker;                   // at which it may run; none
  os::Instant begun_at{};            // here
  os::Instant worker_heard_at{};     // from this on, for the length of a lease, it is asked to go on
  os::Instant worker_lease_until{};  // until when it may go on without hearing from us
  uint64_t bytes_done = 0;
  bool cancelled = false;       // by an operator
  bool is_recorded = false;     // at the store's breaker
  bool has_no_outcome = false;  // a worker left it: it has to be given up
  std::stop_source lost;        // the master says that it is no longer ours

  uint64_t id() const { return operation.operation(); }
  uint64_t epoch() const { return operation.record().epoch(); }
  v1::Job describe() const;
};
using Job = std::shared_ptr<LiveJob>;

// Keeps leases alive: all operations at the master in few calls, then tasks at each worker in one. What the master takes away is
// told to its driver by `lost`. Owned by the coordinator. Holds as many as may be started.
class JobTable {
 public:
  JobTable(os::Env& env, const CoordinatorConfig& config, MasterSession& master, WorkerPool& workers, obs::Log& log)
      : env_(env), config_(config), master_(master), workers_(workers), log_(log) {}

  // Null: it is there already.
  Job add(v1::Operation operation);
  void remove(const Job& job) { jobs_.erase(job->id()); }
  Job find(uint64_t operation) const;
  v1::ListJobsReply list(const v1::ListJobsRequest& request) const;
  size_t size() const { return jobs_.size(); }

  static Task<void> keep_leases(JobTable* table, std::stop_token stop);

 private:
  Task<void> renew_at_master(std::stop_token stop);
  Task<void> renew_at_workers(std::stop_token stop);
  Task<void> renew_at(WorkerId worker, v1::RenewTasksRequest request, std::stop_token stop);

  os::Env& env_;
  const CoordinatorConfig& config_;
  MasterSession& master_;
  WorkerPool& workers_;
  obs::Log& log_;
  std::map<uint64_t, Job> jobs_;  // by operation
};

}  // namespace forebay::coordinator
