// Blocks that readers wait for.
#pragma once

#include <set>

#include "coordinator/jobs/runner.h"

namespace forebay::coordinator {

// Has the master say which blocks are wanted, as soon as they are, and gives each a coroutine: past the queue of intents, so that
// nobody who reads waits for what is written. Operations that another coordinator has left are the dispatcher's. Owned by the
// coordinator. On one executor. Limit: `fetches` at a time.
class Fetcher {
 public:
  Fetcher(const Runner::Parts& parts, Runner& runner, async::Executor executor)
      : parts_(parts), runner_(runner), scope_(std::move(executor)), permits_(parts.config.fetches) {}

  void start() { scope_.spawn(walk(this, scope_.token())); }
  Task<void> stop() { return scope_.stop(); }

 private:
  static Task<void> walk(Fetcher* self, std::stop_token stop);
  static Task<void> fetch_one(Fetcher* self, uint64_t object, std::stop_token stop);

  const Runner::Parts& parts_;
  Runner& runner_;
  async::Scope scope_;
  async::Semaphore permits_;
  std::set<uint64_t> at_work_;  // blocks with a coroutine
};

}  // namespace forebay::coordinator
