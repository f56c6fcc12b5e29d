// A task at work, and what it uses.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/text.h"
#include "forebay/v1/tasks.pb.h"
#include "worker/persist/config.h"
#include "worker/persist/peers.h"
#include "worker/persist/put_limit.h"
#include "worker/persist/token_bucket.h"
#include "worker/persist/upload_pace.h"
#include "worker/store/object_store.h"
#include "worker/worker_events.h"

namespace forebay::worker {

// What the master is told about an operation. Without an outcome: nobody knows what the store did.
using Outcome = v1::FinishOperationRequest;

// Shared by the table of tasks, the coroutine that carries it out, and callers who wait. On the table's executor.
struct LiveTask {
  v1::PersistTask task;
  TraceId trace;           // the operation's
  std::stop_source stop;   // to the work: the lease has ended, it stalls, or somebody wants it to end
  std::stop_source ended;  // to callers: there is an outcome
  os::Instant lease_until{}, progress_at{};
  uint64_t bytes_done = 0;
  bool store_is_innocent = false;  // of the failure: the cache's own side could not go on
  std::string store_error;         // of a store that has not said what it did, for people
  Duration look_again{};           // a look came too early to be final
  Outcome outcome;

  uint64_t id() const { return task.operation().operation(); }
  uint64_t epoch() const { return task.operation().record().epoch(); }
};

// What a task's functions are given; lives as long as they run.
struct TaskContext {
  os::Env& env;
  const PersistConfig& config;
  ObjectStore& objects;
  Peers& peers;
  TokenBucket& bucket;  // of what goes either way
  UploadPace& pace;
  PutLimit& put_limit;
  ufs::UnderStore& store;
  LiveTask& live;
  WorkerEvents& events;
  std::set<uint64_t>& restoring;  // blocks that tasks here are fetching

  const v1::OperationRecord& record() const { return live.task.operation().record(); }
  const v1::Attr& attr() const { return live.task.operation().attr(); }
  const std::string& cluster() const { return live.task.cluster(); }
  std::stop_token stop() const { return live.stop.get_token(); }
  // A question to the coordinator that has given the task.
  template <class M>
  Task<Result<typename M::Reply>> ask_coordinator(typename M::Request request) const {
    return peers.ask<M>(live.task.coordinator(), std::move(request), stop(), live.trace);
  }
  v1::OperationEpoch name() const {
    v1::OperationEpoch name;
    name.set_operation(live.id());
    name.set_epoch(live.epoch());
    return name;
  }
  void moved(uint64_t bytes) const {
    live.bytes_done += bytes;
    live.progress_at = env.clock.now();
  }
  // Where nobody is told otherwise what was the matter.
  void store_failed(const Status& why) const {
    if (!why.is(Code::kCancelled)) live.store_error = readable_text(why.to_string());
  }
  // Of a request that cannot be fenced: it is given up before the lease ends.
  ufs::Call request() const {
    return {.deadline = std::min(env.clock.now() + config.request_timeout, live.lease_until), .stop = stop()};
  }
  // Of one that can: only the task's end ends it.
  ufs::Call transfer() const { return {.stop = stop()}; }
};

}  // namespace forebay::worker
