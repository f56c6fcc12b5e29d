// What the master has told this worker to do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "forebay/v1/cluster.pb.h"
#include "obs/log.h"
#include "worker/store/object_store.h"

namespace forebay::worker {

struct DutiesConfig {
  size_t max_parallel = 8;    // at work on the blocking executor
  size_t max_known = 10'000;  // waiting, at work, or done and not yet acknowledged; more are left to be told again
};

// Carries duties out, each once however often it is told, and reports them until a heartbeat that said so was answered. One that
// fails is forgotten: the master tells it again. Owned by the worker; store and scope outlive it. On one executor, like the
// scope.
class Duties {
 public:
  Duties(ObjectStore& store, async::Executor blocking, async::Scope& scope, DutiesConfig config, obs::Log& log);

  void accept(const v1::WorkerHeartbeatReply& told);
  void report(v1::WorkerHeartbeatRequest& heartbeat) const;        // adds what is done
  void acknowledged(const v1::WorkerHeartbeatRequest& heartbeat);  // that one was answered
  bool is_busy() const { return !waiting_.empty() || at_work_ != 0; }
  void when_idle(std::function<void()> notify) { notify_ = std::move(notify); }  // after the last one at work is done

 private:
  struct Known {
    v1::Duty duty;
    bool done = false;
    v1::SealedByDuty sealed;  // of a seal that is done
  };
  static Task<void> work(Duties* self);
  Task<void> carry_out(ObjectId object);
  void finish_removal(ObjectId object, const Result<void>& removed);
  void finish_seal(ObjectId object, const Result<ObjectStat>& sealed);

  ObjectStore& store_;
  const async::Executor blocking_;
  async::Scope& scope_;
  const DutiesConfig config_;
  obs::Log& log_;
  std::function<void()> notify_;
  std::map<ObjectId, Known> known_;
  std::deque<ObjectId> waiting_;  // of those, not begun
  size_t at_work_ = 0;            // coroutines, at most max_parallel
};

}  // namespace forebay::worker
