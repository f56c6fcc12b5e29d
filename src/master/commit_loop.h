// The only way to change metadata.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/sync.h"
#include "journal/journal.h"
#include "kv/txn.h"
#include "master/events.h"
#include "master/signal.h"
#include "obs/log.h"
#include "os/clock.h"

namespace forebay::master {

// How long an answer waits: until its batch is in the journal, or until the journal is on the medium as well.
enum class Level : uint8_t { kAppended, kSynced };

// A change that waits in the commit loop's queue. Lives in the frame of the coroutine that waits for it.
class Step {
 public:
  Step(Level level, os::Instant deadline, size_t bytes) : level_(level), deadline_(deadline), bytes_(bytes) {}
  virtual ~Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // Runs once, while nobody else commits. `batch` shows the newest state, earlier steps of the same batch included. A step that
  // has something to refuse keeps its own answer; changes of a refused operation must not be left in `batch` (see kv::Attempt).
  virtual void apply(kv::Txn& batch, os::WallTime now) = 0;

 private:
  friend class CommitLoop;
  const Level level_;
  const os::Instant deadline_;
  const size_t bytes_;             // of memory that it holds, for admission
  async::Waker waker_;             // none: its caller commits it
  std::optional<Status> failure_;  // of the loop, not of the operation
};

struct CommitLoopConfig {
  size_t max_queued_steps = 16'384;    // more wait for a place until their deadline
  size_t max_queued_bytes = 64 << 20;  // the same, of what the steps hold
  size_t max_batch_steps = 512;        // keeps the latency of the first in a batch bounded
  size_t max_batch_bytes = 1 << 20;    // of keys and values; a step that begins below may end above
  Duration sync_after =
      std::chrono::milliseconds(40);  // a batch begins to be synced so long after it was appended, at the latest
};

// Takes everything that is queued, runs each step against the batch built so far, appends the batch to the journal, answers all;
// steps at kSynced are answered by a second stage that takes many batches at a time.
//
// Owned by the Master. execute() and run() from any thread. There is one turn to commit. The loop, on its own single-threaded
// executor, takes it whenever something is queued. A caller that finds it free, with nothing queued or unanswered, may take it
// for its one step, on its own thread: where few calls come at a time, no thread waits for another then. Not for twenty times as
// long as an append has taken, if that was 2 ms or more: where the medium is slow, the loop alone shall wait for it. An exception
// that leaves a step stops the process, whoever runs it.
// Promises: a step is answered with success only when its batch is in the journal (and synced, if it asked for that). Steps take
// effect in the order in which they were queued. Answers of the loop itself: `busy`: not run, the deadline passed in the queue;
// `rejected` ENOSPC: nothing of the batch happened; `unknown`: its batch or the sync failed, after which everything is `broken`
// until the process is started again; `cancelled` after stop().
class CommitLoop {
 public:
  // `committed` sees every batch once it is in the journal and visible, before it is answered, one after the other, on whichever
  // thread commits.
  using Observer = std::function<void(const kv::WriteBatch& batch)>;

  CommitLoop(os::Clock& clock, obs::Log& log, MasterEvents& events, kv::Store& store, journal::Journal& journal,
             Observer committed, CommitLoopConfig config, async::Executor executor);
  ~CommitLoop();  // stop() first

  void start();
  // Everything queued is run and synced; later steps are `cancelled`.
  Task<void> stop();

  // The loop's failure, if any; the operation's own outcome is the step's. The step outlives the call. With `may_commit` the
  // caller's thread may do it all: for callers that have nothing better to do meanwhile, and no others that wait behind them.
  Task<Result<void>> execute(Step* step, bool may_commit = false);

  // Runs `function`, Result<T>(kv::Txn&), as a step: on an error nothing of it stays.
  template <class F>
    requires std::invocable<F&, kv::Txn&>
  Task<std::invoke_result_t<F&, kv::Txn&>> run(F function, Level level, os::Instant deadline, bool may_commit = false);

  Result<void> state() const;  // `broken` with the reason, or `cancelled`
  size_t queued() const;

 private:
  enum class Admission : uint8_t { kAdmitted, kFull, kRefused };
  Admission enqueue(Step* step, async::Waker waker);
  bool take_turn(const Step& step);
  std::vector<Step*> take_turn();
  void end_turn();
  bool is_over() const;
  Task<void> commit_queued();
  Task<void> commit(std::vector<Step*> steps);
  size_t build(const std::vector<Step*>& steps, size_t from, kv::Txn& batch);
  Task<Result<void>> append(kv::WriteBatch batch, size_t steps);
  void appended(std::span<Step* const> steps);
  void failed(std::span<Step* const> steps, const Status& status);
  void answer(std::span<Step* const> steps);
  Task<void> sync_wanted();
  Task<void> sync_in_background(std::stop_token stop);
  void want_sync();
  std::optional<uint64_t> take_sync(std::vector<Step*>* steps);
  void note_sync(std::optional<uint64_t> covered);
  bool is_synced_to_the_end() const;
  bool has_unsynced() const;
  void break_down(const Status& status, std::string_view doing);

  os::Clock& clock_;
  obs::Log& log_;
  MasterEvents& events_;
  kv::Store& store_;
  journal::Journal& journal_;
  const Observer committed_;
  const CommitLoopConfig config_;
  const async::Executor executor_;
  async::Scope scope_;

  mutable std::mutex mutex_;  // guards what follows, up to the blank line
  std::vector<Step*> queue_;
  size_t held_steps_ = 0, held_bytes_ = 0;  // queued, or not answered yet
  bool committing_ = false;                 // somebody has the turn
  bool stopping_ = false, commit_ended_ = false;
  std::string broken_reason_;
  uint64_t appended_ = 0, sync_due_ = 0, synced_ = 0;  // numbers of batches; synced_ <= sync_due_ <= appended_
  std::vector<Step*> waiting_for_sync_;
  os::Instant callers_may_from_{};  // take the turn

  std::atomic<bool> broken_ = false;
  Signal queued_signal_, sync_signal_, unsynced_signal_;
};

// ---- implementation of the template ----

template <class F>
  requires std::invocable<F&, kv::Txn&>
Task<std::invoke_result_t<F&, kv::Txn&>> CommitLoop::run(F function, Level level, os::Instant deadline, bool may_commit) {
  using Outcome = std::invoke_result_t<F&, kv::Txn&>;
  struct FunctionStep : Step {
    FunctionStep(F& f, Level l, os::Instant d) : Step(l, d, sizeof(FunctionStep)), function(f) {}
    void apply(kv::Txn& batch, os::WallTime) override {
      kv::Attempt attempt(batch);
      outcome.emplace(function(batch));
      if (*outcome) attempt.keep();
    }
    F& function;
    std::optional<Outcome> outcome;
  };
  FunctionStep step(function, level, deadline);
  Result<void> executed = co_await execute(&step, may_commit);
  if (!executed) co_return std::unexpected(std::move(executed).error());
  co_return std::move(*step.outcome);
}

}  // namespace forebay::master
