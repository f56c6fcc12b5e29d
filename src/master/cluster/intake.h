// How fast clients may write while workers are nearly full.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "async/sync.h"
#include "forebay/v1/admin.pb.h"
#include "master/cluster/intake_policy.h"
#include "master/cluster/worker_table.h"
#include "master/events.h"
#include "master/scan_starts.h"
#include "obs/log.h"

namespace forebay::master {

// The placer of operations: workers by the WorkerTable, and with each grant how fast its client may write. Clients that had to
// wait ask again with each renewal of their session. What will free space (objects that live workers have to delete, content that
// is clean or on its way to its key and may then leave) is looked for beside the commit loop once workers are nearly full, a
// bounded part of it at a time. Who finds no room right after something was removed is told to come again (`busy`), until nobody
// has found any for `waits_for_deletions`. Owned by the Master. Placer and tell() from any thread; none blocks, but place() reads
// a bounded part of the store when it finds no room. The rest on one executor. stop() before destruction. Limit: one entry for
// each session.
class Intake final : public Placer {
 public:
  struct Parts {
    WorkerTable& workers;
    const kv::Store& store;
    ScanStarts& starts;
    os::Clock& clock;
    obs::Log& log;
    MasterEvents& events;
    async::Executor blocking;
  };
  Intake(Parts parts, IntakeConfig config, async::Executor executor)
      : parts_(parts), config_(config), scope_(std::move(executor)) {}

  void start() { scope_.spawn(watch(this, scope_.token())); }
  Task<void> stop() { return scope_.stop(); }

  // -- Placer --
  Result<Placed> place(const v1::Placement& wanted) override;
  bool is_known(WorkerId worker) const override { return parts_.workers.is_known(worker); }
  bool is_live(WorkerId worker) const override { return parts_.workers.is_live(worker); }
  uint64_t intake(SessionId writer) override;  // takes its share from now on

  // What its client has waited since it told last; and what it may write now: 0, as much as it can.
  uint64_t renewed(SessionId session, uint64_t waited_ms);
  void describe(v1::IntakeReport& report) const;

 private:
  static Task<void> watch(Intake* self, std::stop_token stop);
  Result<bool> look_for_drains();
  Result<bool> has_to_delete();
  Result<bool> has_removed_lately();
  Result<bool> may_come_again();
  bool has_noted_removals();
  void decide_locked(const WorkerRoom& room);
  uint64_t share_locked(const WorkerRoom& room) const;
  void tell_changes();

  const Parts parts_;
  const IntakeConfig config_;
  async::Scope scope_;
  uint64_t next_ = 0;               // binding; of looks, one after the other
  std::optional<bool> whole_pass_;  // of a pass from the first binding on: whether anything has been found in it

  std::atomic<bool> drains_ = false;
  std::atomic<uint64_t> waited_ms_ = 0;
  mutable std::mutex mutex_;
  // Under mutex_:
  bool slowed_ = false, told_ = false;
  std::optional<os::Instant> full_since_;  // the first of those that found no room, since somebody found some
  os::Instant since_{};
  uint64_t detached_ = 0;                     // inodes so far, as starts counts them
  std::optional<os::Instant> removed_at_;     // that changed last
  std::map<SessionId, os::Instant> writers_;  // took a share last
};

}  // namespace forebay::master
