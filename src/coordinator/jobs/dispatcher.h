// What is done next.
#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include "coordinator/jobs/runner.h"

namespace forebay::coordinator {

// Walks through the intents that are due, oldest first, a page at a time, and gives each a coroutine as permits come free. At the
// end it waits at the master for what is due later, and begins anew when something has ended that others may have waited for, at
// the latest after `interval`. What failed at a store that was believed dead becomes due when it answers again. Every so often it
// looks for operations whose lease has ended and that nobody works on. At the start it joins what the coordinator before it has
// left. Memory: one page and `started` operations, however many intents wait. Owned by the coordinator. On one executor.
class Dispatcher {
 public:
  Dispatcher(const Runner::Parts& parts, Runner& runner, async::Executor executor)
      : parts_(parts), runner_(runner), scope_(std::move(executor)), permits_(parts.config.started) {}

  void start();
  Task<void> stop();

 private:
  using Place = std::pair<int64_t, uint64_t>;
  static Task<void> walk(Dispatcher* self, std::stop_token stop);
  static Task<void> sweep(Dispatcher* self, std::stop_token stop);
  static Task<void> run_one(Dispatcher* self, v1::WaitingIntent intent, std::stop_token stop);
  static Task<void> resume_one(Dispatcher* self, v1::Operation operation, v1::TaskRecord record, std::stop_token stop);
  static Task<void> take_over_one(Dispatcher* self, v1::Operation operation, std::stop_token stop);
  Task<void> join_left(std::stop_token stop);
  static Task<void> hurry(Dispatcher* self, uint64_t mount, std::stop_token stop);  // what waits for a store that is back
  Task<Result<void>> round(std::stop_token stop);                                   // through all due intents once
  Task<Result<void>> follow(std::stop_token stop);  // through those that come later, until it is time for a round
  Task<Result<void>> begin(const v1::NextIntentsReply& page, std::stop_token stop);
  void note(Runner::Ran ran);
  Task<Result<std::vector<v1::Operation>>> operations(std::stop_token stop);

  const Runner::Parts& parts_;
  Runner& runner_;
  async::Scope scope_;
  async::Semaphore permits_;
  std::set<Place> at_work_;              // intents with a coroutine
  std::optional<v1::IntentPlace> last_;  // the last one that was seen
  Runner::Ran since_round_;              // of all that ran since the round began
  std::stop_source again_;               // it is time for a round
};

}  // namespace forebay::coordinator
