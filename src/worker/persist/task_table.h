// The tasks that run on this worker.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "async/sync.h"
#include "base/operation_trace.h"
#include "obs/log.h"
#include "worker/persist/live_task.h"
#include "worker/persist/under_stores.h"
#include "worker/worker_events.h"

namespace forebay::worker {

// Begins tasks, lets callers wait for them, and stops those whose lease ends or that stall. One epoch of an operation runs at a
// time: a later one waits until the earlier has ended. Outcomes of the last tasks are kept, for callers whose answer was lost.
// Nothing of it survives the process: then a caller that joins hears `stale`. Owned by the worker; Env, store, log and writers
// outlive it. On one executor; run() and so on may be awaited from others. stop() before destruction ends all tasks.
class TaskTable {
 public:
  TaskTable(os::Env& env, ObjectStore& objects, PersistConfig config, async::Executor executor, obs::Log& log,
            WorkerEvents& events = no_worker_events(), Writers* writers = nullptr /* nobody's uploads are held back */);

  void start() { scope_.spawn(watch(this, scope_.token())); }
  Task<void> stop();

  // The contract of each is beside its method in proto/forebay/v1/tasks.proto.
  static Task<Result<v1::RunTaskReply>> run(TaskTable* table, v1::RunTaskRequest request);
  static Task<Result<v1::RenewTasksReply>> renew(TaskTable* table, v1::RenewTasksRequest request);
  static Task<Result<v1::CancelTaskReply>> cancel(TaskTable* table, v1::CancelTaskRequest request);

  static Task<Result<v1::ProbeStoreReply>> probe(TaskTable* table, v1::ProbeStoreRequest request);
  static Task<Result<v1::ListStoreReply>> list(TaskTable* table, v1::ListStoreRequest request);

  const async::Executor& executor() const { return executor_; }
  size_t running() const { return running_.size(); }

 private:
  using Live = std::shared_ptr<LiveTask>;  // shared with the coroutine that carries it out and with waiting callers
  static Task<void> watch(TaskTable* table, std::stop_token stop);
  static Task<void> perform(TaskTable* table, Live live);
  Task<Outcome> carry_out_in(Live live);
  Task<Result<Live>> find_or_begin(v1::RunTaskRequest request);
  Result<Live> begin(v1::PersistTask task);
  Live find(uint64_t operation, uint64_t epoch) const;
  void keep(const Live& live);
  void note_begin(const LiveTask& live) const;
  void note_end(const LiveTask& live) const;

  os::Env& env_;
  ObjectStore& objects_;
  const PersistConfig config_;
  const async::Executor executor_;
  obs::Log& log_;
  WorkerEvents& events_;
  async::Scope scope_;
  UnderStores stores_;
  Peers peers_;
  TokenBucket bucket_;
  UploadPace pace_;
  std::map<uint64_t, PutLimit> put_limits_;  // by mount; stay when it is removed, 40 bytes for each there ever was
  std::map<uint64_t, Live> running_;         // by operation
  std::deque<Live> ended_;                   // newest last
  std::set<uint64_t> restoring_;
  bool stopping_ = false;
};

}  // namespace forebay::worker
