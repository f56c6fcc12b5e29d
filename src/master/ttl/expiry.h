// Carries out what entries with a time to live come to.
#pragma once

#include "async/sync.h"
#include "kv/store.h"
#include "master/commit_loop.h"
#include "master/operation.h"
#include "obs/log.h"

namespace forebay::master {

struct ExpiryConfig {
  Duration interval = std::chrono::seconds(1);  // between two looks: an entry outlives its time by this much
  size_t at_once = 64;                          // found in one look, each one step of the commit loop
};

// Looks for entries whose time is over, oldest first, and has each end in a step of the commit loop; they are journaled, so what
// falls due while no master runs ends at the next start. Owned by the Master. On one executor. stop() before destruction.
class Expiry {
 public:
  struct Parts {
    CommitLoop& loop;
    const kv::Store& store;
    os::Clock& clock;
    obs::Log& log;
    Placer& placer;
    const Persistence& persistence;
    const OpenReads& open_reads;
    NameLeases& names;
  };
  Expiry(Parts parts, ExpiryConfig config, async::Executor executor)
      : parts_(parts), config_(config), scope_(std::move(executor)) {}

  void start() { scope_.spawn(watch(this, scope_.token())); }
  Task<void> stop() { return scope_.stop(); }

 private:
  static Task<void> watch(Expiry* self, std::stop_token stop);
  Task<Result<size_t>> expire_some(std::stop_token stop);

  const Parts parts_;
  const ExpiryConfig config_;
  async::Scope scope_;
};

}  // namespace forebay::master
