// Gives back what has lost its last name.
#pragma once

#include <atomic>
#include <string>

#include "async/sync.h"
#include "kv/store.h"
#include "master/commit_loop.h"
#include "master/events.h"
#include "master/operation.h"
#include "master/scan_starts.h"
#include "master/signal.h"
#include "obs/log.h"

namespace forebay::master {

struct ReclaimerConfig {
  size_t objects_per_step = 128;                      // or entries: about a millisecond of the commit loop
  Duration look_again = std::chrono::seconds(1);      // at what is waiting to be closed
  Duration orphans_every = std::chrono::minutes(30);  // the first time a minute after the start
  size_t orphans_per_slice = 2'000;                   // records that are read at a time
};

// Takes detached inodes ("N") apart in steps of bounded size through the commit loop, one after the other, and now and then looks
// for objects whose writer is gone without having given them up. Both only repeat steps that are harmless to repeat, so a crash
// leaves nothing but work for the next start. What is open waits. Owned by the Master; runs on one executor. stop() before
// destruction.
class Reclaimer {
 public:
  struct Parts {
    CommitLoop& loop;
    const kv::Store& store;
    os::Clock& clock;
    obs::Log& log;
    MasterEvents& events;
    Placer& placer;
    const Persistence& persistence;
    const OpenReads& open_reads;
    ScanStarts& starts;
    async::Executor blocking;
  };
  Reclaimer(Parts parts, ReclaimerConfig config, async::Executor executor)
      : parts_(parts), config_(config), scope_(std::move(executor)) {}

  void start();
  Task<void> stop() { return scope_.stop(); }
  void look(const kv::WriteBatch& committed);  // on the commit loop: is there something new to do?

 private:
  static Task<void> reclaim(Reclaimer* reclaimer, std::stop_token stop);
  static Task<void> look_again(Reclaimer* reclaimer, std::stop_token stop);
  static Task<void> sweep(Reclaimer* reclaimer, std::stop_token stop);
  Task<bool> reclaim_all(std::stop_token stop);
  Task<Result<bool>> reclaim_inode(InodeId inode, std::stop_token stop);
  Task<Result<size_t>> sweep_orphans(std::stop_token stop);
  Result<std::vector<InodeId>> next_detached(InodeId after);
  void tell(const Status& problem);

  const Parts parts_;
  const ReclaimerConfig config_;
  async::Scope scope_;
  Signal work_;
  std::atomic<bool> waiting_ = false;  // something is open, or failed: look again later
};

}  // namespace forebay::master
