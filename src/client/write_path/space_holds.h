// Space at workers for bytes that wait in this client.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "async/sync.h"
#include "base/ids.h"
#include "client/client.h"
#include "client/routing.h"
#include "os/env.h"

namespace forebay::client {

class Background;

// One hold at each worker that this client has short objects for (WorkerService.HoldSpace). An object that waits here draws what
// it will take; when it is stored its worker takes that out of the hold. A worker is called for the first object, and then when
// half of what is not drawn is used up, beside the writers: no round trip for each object. What the client believes to hold is
// never more than what its worker holds for it, whatever calls are lost or late: it sets the whole amount, and what may have been
// used counts as used. Renewed by keep(); what nobody draws from for `hold_idle` is given back, all of it at the end. Owned by
// Core. Any thread. Limits: ClientConfig's hold_bytes and max_hold_bytes, for each worker.
class SpaceHolds {
 public:
  SpaceHolds(os::Env& env, const ClientConfig& config, Routing& routing, Background& background);

  // Of a hold, for an object of so many bytes: a little more than any worker takes.
  static uint64_t taken_by(uint64_t bytes);
  uint64_t id() const { return id_; }

  // False: the worker gives no more; then the object's space is to be reserved by itself. An error: the worker does not answer.
  Task<Result<bool>> draw(WorkerId worker, uint64_t bytes, TraceId trace);
  void give_back(WorkerId worker, uint64_t bytes);  // the worker was not asked to use it
  void used(WorkerId worker, uint64_t bytes);       // it was, or may have been

  static Task<void> keep(SpaceHolds* self, std::stop_token stop);
  // Gives back everything. A worker that does not answer soon does so by itself when the lease is over.
  Task<void> end();

 private:
  struct Hold {
    const WorkerId worker;
    async::Mutex asking;  // one call at a time
    // Under mutex_:
    uint64_t bytes = 0;       // held there
    uint64_t drawn = 0;       // of those; may be more after the worker has lost some
    uint64_t used_since = 0;  // the call under way was sent
    bool asking_ahead = false;
    os::Instant drawn_at{}, ends{}, refused_until{};

    explicit Hold(WorkerId of) : worker(of) {}
  };
  using Pointer = std::shared_ptr<Hold>;  // shared with the calls about it

  Pointer find(WorkerId worker);
  bool try_draw(const Pointer& hold, uint64_t bytes);
  uint64_t wanted_locked(const Hold& hold, uint64_t more) const;
  Task<Result<void>> set(Pointer hold, uint64_t more, Duration timeout, TraceId trace);
  static Task<void> ask_ahead(SpaceHolds* self, Pointer hold);
  static Task<Result<void>> renew(SpaceHolds* self, Pointer hold);
  static Task<Result<void>> finish(SpaceHolds* self, Pointer hold);
  std::vector<Pointer> all() const;

  os::Env& env_;
  const ClientConfig& config_;
  Routing& routing_;
  Background& background_;
  const uint64_t id_;

  mutable std::mutex mutex_;
  std::map<WorkerId, Pointer> holds_;
  Duration lease_ = std::chrono::seconds(30);  // until a worker has said
  bool ended_ = false;
};

}  // namespace forebay::client
