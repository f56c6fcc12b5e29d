// What is done next.
#pragma once

#include <set>
#include <utility>

#include "coordinator/jobs/runner.h"

namespace forebay::coordinator {

// Walks through the intents that are due, oldest first, a page at a time, and gives each a coroutine as permits come free; begins
// anew at the end. Every so often it looks for operations whose lease has ended and that nobody works on. At the start it joins
// what the coordinator before it has left. Memory: one page and `started` operations, however many intents wait. Owned by the
// coordinator. On one executor.
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
  static Task<void> run_one(Dispatcher* self, v1::IntentPlace place, std::stop_token stop);
  static Task<void> resume_one(Dispatcher* self, v1::Operation operation, v1::TaskRecord record, std::stop_token stop);
  static Task<void> take_over_one(Dispatcher* self, v1::Operation operation, std::stop_token stop);
  Task<void> join_left(std::stop_token stop);
  // Through all due intents once; when the next one is due, 0: none.
  Task<Result<int64_t>> round(std::stop_token stop);
  Task<Result<std::vector<v1::Operation>>> operations(std::stop_token stop);
  Duration pause_until(int64_t due_ns) const;

  const Runner::Parts& parts_;
  Runner& runner_;
  async::Scope scope_;
  async::Semaphore permits_;
  std::set<Place> at_work_;     // intents with a coroutine
  bool did_something_ = false;  // since the round began
};

}  // namespace forebay::coordinator
