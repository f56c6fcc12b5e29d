// What the master has told this worker to do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "forebay/v1/cluster.pb.h"
#include "obs/log.h"
#include "os/clock.h"
#include "worker/store/object_store.h"

namespace forebay::worker {

struct DutiesConfig {
  size_t max_parallel = 8;    // at work on the blocking executor
  size_t max_known = 10'000;  // waiting, at work, or done and not yet acknowledged; more are left to be told again
  Duration try_again_after = std::chrono::seconds(10);  // it failed
  size_t max_failed = 100'000;                          // that are left alone for so long; with more, all are tried again
};

// Carries duties out, each once however often it is told, and reports them until a heartbeat that said so was answered. One that
// fails is left alone for a while, whatever is told, and then begun again when the master tells it. Owned by the worker; clock,
// store and scope outlive it. On one executor, like the scope.
class Duties {
 public:
  Duties(os::Clock& clock, ObjectStore& store, async::Executor blocking, async::Scope& scope, DutiesConfig config, obs::Log& log);

  void accept(const v1::WorkerHeartbeatReply& told);
  void report(v1::WorkerHeartbeatRequest& heartbeat) const;        // adds what is done
  void acknowledged(const v1::WorkerHeartbeatRequest& heartbeat);  // that one was answered
  bool is_busy() const { return !waiting_.empty() || at_work_ != 0; }
  // After the last one at work has ended, when there is something to report.
  void when_idle(std::function<void()> notify) { notify_ = std::move(notify); }

 private:
  struct Known {
    v1::Duty duty;
    bool done = false;
    v1::SealedByDuty sealed;  // of a seal that is done
  };
  static Task<void> work(Duties* self);
  bool is_left_alone(ObjectId object);
  void failed(ObjectId object, std::string_view what, const Status& why);
  void went_idle();
  Task<void> carry_out(ObjectId object);
  void finish_removal(ObjectId object, const Result<void>& removed);
  void finish_seal(ObjectId object, const Result<ObjectStat>& sealed);

  os::Clock& clock_;
  ObjectStore& store_;
  const async::Executor blocking_;
  async::Scope& scope_;
  const DutiesConfig config_;
  obs::Log& log_;
  std::function<void()> notify_;
  std::map<ObjectId, Known> known_;
  std::deque<ObjectId> waiting_;            // of those, not begun
  size_t at_work_ = 0;                      // coroutines, at most max_parallel
  std::map<ObjectId, os::Instant> failed_;  // when each may be tried again
  size_t done_ = 0, failures_ = 0;          // since nobody was at work
  std::string failure_;                     // the first of those
};

}  // namespace forebay::worker
