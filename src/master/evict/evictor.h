// Makes room on workers that ask for it.
#pragma once

#include <map>
#include <set>

#include "async/sync.h"
#include "master/cluster/worker_table.h"
#include "master/commit_loop.h"
#include "master/events.h"
#include "master/evict/candidates.h"
#include "obs/log.h"

namespace forebay::master {

struct EvictorConfig {
  Duration interval = std::chrono::seconds(1);  // between two looks at what workers ask for
  size_t slice = 2'000;                         // bindings read at a time, beside the commit loop
  size_t looked_at = 100'000;                   // in one round; the next round goes on behind them
  size_t kept = 1'024;                          // candidates of a round, the least recently used ones
  Duration pause = std::chrono::seconds(5);     // for a worker to delete, and report, before it is given more room
};

// A worker that is above its high watermark says with each heartbeat how much has to go until it is at the low one. A round looks
// at up to `looked_at` files, keeps those that were used longest ago, and has them evicted, oldest first, until that much is
// covered: least recently used, as near as one round sees it. Only what its mapping lets go, is clean and is not pinned or open
// leaves; when nothing of that is left, nothing happens. Owned by the Master. On one executor, reading on `blocking`. stop()
// before destruction.
class Evictor {
 public:
  struct Parts {
    CommitLoop& loop;
    const kv::Store& store;
    os::Clock& clock;
    obs::Log& log;
    MasterEvents& events;
    WorkerTable& workers;
    const Persistence& persistence;
    const OpenReads& open_reads;
    const AccessTable& accesses;
    async::Executor blocking;
  };
  Evictor(Parts parts, EvictorConfig config, async::Executor executor)
      : parts_(parts), config_(config), scope_(std::move(executor)) {}

  void start() { scope_.spawn(watch(this, scope_.token())); }
  Task<void> stop() { return scope_.stop(); }

 private:
  static Task<void> watch(Evictor* self, std::stop_token stop);
  Task<Result<void>> round(std::map<WorkerId, uint64_t> wanted, std::stop_token stop);
  Task<Result<std::set<Candidate>>> collect(std::map<WorkerId, uint64_t> wanted, std::stop_token stop);
  Task<Result<uint64_t>> evict_file(InodeId inode, std::stop_token stop);
  std::map<WorkerId, uint64_t> wanted();

  const Parts parts_;
  const EvictorConfig config_;
  async::Scope scope_;
  uint64_t next_ = 0;                         // binding
  std::map<WorkerId, os::Instant> given_at_;  // room
};

}  // namespace forebay::master
