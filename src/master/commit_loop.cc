#include "master/commit_loop.h"

#include <algorithm>
#include <exception>

#include "base/check.h"

namespace forebay::master {

namespace {
constexpr Duration kPlacePause = std::chrono::milliseconds(5);  // between two looks for a place in a full queue
constexpr Duration kSlowAppend = std::chrono::milliseconds(2);  // to the page cache it takes 10 µs
// Times what it took: callers' threads spend a twenty-first of their time at most on waiting for the medium. One append that was
// interrupted, or met a write-back, costs them 40 ms of help, not more.
constexpr int kSlowPause = 20;
constexpr Duration kMostSlowPause = std::chrono::seconds(10);
}  // namespace

CommitLoop::CommitLoop(os::Clock& clock, obs::Log& log, MasterEvents& events, kv::Store& store, journal::Journal& journal,
                       Observer committed, CommitLoopConfig config, async::Executor executor)
    : clock_(clock),
      log_(log),
      events_(events),
      store_(store),
      journal_(journal),
      committed_(std::move(committed)),
      config_(config),
      executor_(executor),
      scope_(executor) {}

CommitLoop::~CommitLoop() = default;

void CommitLoop::start() {
  scope_.spawn(commit_queued());
  scope_.spawn(sync_wanted());
  scope_.spawn(sync_in_background(scope_.token()));
}

Task<void> CommitLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_signal_.raise();
  co_await scope_.stop();
}

Result<void> CommitLoop::state() const {
  std::lock_guard lock(mutex_);
  if (broken_) return broken(broken_reason_);
  if (stopping_) return cancelled("the master stops");
  return {};
}

size_t CommitLoop::queued() const {
  std::lock_guard lock(mutex_);
  return held_steps_;
}

Task<Result<void>> CommitLoop::execute(Step* step, bool may_commit) {
  if (may_commit && take_turn(*step)) {
    // Whatever calls this may survive an exception; the turn, and what half a batch left behind, would not.
    try {
      Task<void> committing = commit({step});
      co_await std::move(committing);
    } catch (const std::exception& failure) {
      check_failed(__FILE__, __LINE__, "no exception leaves a step", failure.what());
    }
    end_turn();
    if (step->failure_) co_return std::unexpected(std::move(*step->failure_));
    co_return Result<void>{};
  }
  for (;;) {
    // Written only before the waker is called by enqueue() itself: once the step is in the queue, this frame is the loop's to
    // wake.
    Admission admission = Admission::kAdmitted;
    co_await async::park([&](async::Waker waker) {
      if (const Admission answer = enqueue(step, std::move(waker)); answer != Admission::kAdmitted) {
        admission = answer;
        step->waker_();
      }
    });
    if (admission == Admission::kAdmitted) break;
    if (admission == Admission::kRefused) co_return state();
    const os::Instant now = clock_.now();
    if (now >= step->deadline_) co_return busy("the master's queue of changes is full");
    co_await clock_.sleep_until(std::min(step->deadline_, now + kPlacePause), scope_.token());
  }
  if (step->failure_) co_return std::unexpected(std::move(*step->failure_));
  co_return Result<void>{};
}

CommitLoop::Admission CommitLoop::enqueue(Step* step, async::Waker waker) {
  {
    std::lock_guard lock(mutex_);
    step->waker_ = std::move(waker);
    if (stopping_ || broken_) return Admission::kRefused;
    const bool fits = held_steps_ < config_.max_queued_steps && held_bytes_ + step->bytes_ <= config_.max_queued_bytes;
    if (!fits && held_steps_ != 0) return Admission::kFull;
    ++held_steps_;
    held_bytes_ += step->bytes_;
    queue_.push_back(step);
    // The first one has raised the signal, or whoever has the turn will look.
    if (committing_ || queue_.size() > 1) return Admission::kAdmitted;
  }
  queued_signal_.raise();
  return Admission::kAdmitted;
}

// For a caller's one step. What waits for a sync has to be woken up in any case: it is the loop's.
bool CommitLoop::take_turn(const Step& step) {
  if (step.level_ == Level::kSynced) return false;
  const os::Instant now = clock_.now();
  std::lock_guard lock(mutex_);
  if (now < callers_may_from_ || committing_ || held_steps_ != 0 || stopping_ || broken_) return false;
  committing_ = true;
  ++held_steps_;
  held_bytes_ += step.bytes_;
  return true;
}

// For everything queued; nothing: it is not free, or nothing is queued.
std::vector<Step*> CommitLoop::take_turn() {
  std::lock_guard lock(mutex_);
  if (committing_ || queue_.empty()) return {};
  committing_ = true;
  return std::exchange(queue_, {});
}

void CommitLoop::end_turn() {
  {
    std::lock_guard lock(mutex_);
    committing_ = false;
    if (queue_.empty() && !stopping_) return;
  }
  queued_signal_.raise();
}

bool CommitLoop::is_over() const {
  std::lock_guard lock(mutex_);
  return stopping_ && !committing_ && queue_.empty();
}

Task<void> CommitLoop::commit_queued() {
  for (;;) {
    std::vector<Step*> steps = take_turn();
    if (steps.empty()) {
      if (is_over()) break;
      co_await queued_signal_.wait();
      continue;
    }
    co_await commit(std::move(steps));
    end_turn();
    co_await async::yield();  // the local journal never suspends: the sync stage gets its turn here
  }
  {
    std::lock_guard lock(mutex_);
    commit_ended_ = true;
  }
  want_sync();
}

Task<void> CommitLoop::commit(std::vector<Step*> steps) {
  for (size_t from = 0, to = 0; from < steps.size(); from = to) {
    if (broken_) {
      to = steps.size();
      const Result<void> broken = state();
      failed(std::span(steps).subspan(from), broken.error());
      continue;
    }
    kv::Txn batch(store_);
    to = build(steps, from, batch);
    const std::span<Step* const> built = std::span(steps).subspan(from, to - from);
    Result<void> done;
    if (!batch.empty()) done = co_await append(std::move(batch).take_batch(), built.size());
    if (done)
      appended(built);
    else
      failed(built, done.error());
  }
}

// Runs steps until the batch is large enough; the index of the first one that was not run.
size_t CommitLoop::build(const std::vector<Step*>& steps, size_t from, kv::Txn& batch) {
  const os::Instant now = clock_.now();
  const os::WallTime wall_now = clock_.wall_now();
  size_t to = from;
  while (to < steps.size() && to - from < config_.max_batch_steps && batch.approximate_bytes() < config_.max_batch_bytes) {
    Step* step = steps[to++];
    if (step->deadline_ < now)
      step->failure_ = busy("the deadline passed in the master's queue").error();
    else
      step->apply(batch, wall_now);
  }
  return to;
}

Task<Result<void>> CommitLoop::append(kv::WriteBatch batch, size_t steps) {
  const os::Instant began = clock_.now();
  size_t bytes = 0;
  for (const kv::WriteBatch::Change& change : batch.changes())
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  Result<void> appended = co_await journal_.append(&batch);
  if (!appended) {
    const Status& status = appended.error();
    if (status.is(Code::kBusy) || status.is(Code::kRejected)) co_return appended;
    break_down(status, "appending to the journal");
    co_return unknown_outcome("the journal failed while this was written: " + status.message(), EIO);
  }
  committed_(batch);
  const os::Instant ended = clock_.now();
  {
    std::lock_guard lock(mutex_);
    ++appended_;
    if (ended - began > kSlowAppend) callers_may_from_ = ended + std::min(kSlowPause * (ended - began), kMostSlowPause);
  }
  unsynced_signal_.raise();
  events_.batch_committed(steps, bytes, ended - began);
  co_return appended;
}

void CommitLoop::appended(std::span<Step* const> steps) {
  std::vector<Step*> done;
  done.reserve(steps.size());
  {
    std::lock_guard lock(mutex_);
    for (Step* step : steps) {
      if (step->level_ == Level::kSynced && synced_ < appended_)
        waiting_for_sync_.push_back(step);
      else
        done.push_back(step);
    }
  }
  if (done.size() < steps.size()) want_sync();
  answer(done);
}

void CommitLoop::failed(std::span<Step* const> steps, const Status& status) {
  for (Step* step : steps) step->failure_ = status;
  answer(steps);
}

void CommitLoop::answer(std::span<Step* const> steps) {
  {
    std::lock_guard lock(mutex_);
    held_steps_ -= steps.size();
    for (const Step* step : steps) held_bytes_ -= step->bytes_;
  }
  for (Step* step : steps) {
    // From here on the step may be gone.
    if (async::Waker waker = std::move(step->waker_)) waker();
  }
}

void CommitLoop::want_sync() {
  {
    std::lock_guard lock(mutex_);
    sync_due_ = appended_;
  }
  sync_signal_.raise();
}

// How many batches a sync that begins now covers, and who waits for it. Nothing: none is wanted.
std::optional<uint64_t> CommitLoop::take_sync(std::vector<Step*>* steps) {
  std::lock_guard lock(mutex_);
  if (synced_ >= sync_due_ && waiting_for_sync_.empty()) return std::nullopt;
  *steps = std::exchange(waiting_for_sync_, {});
  return appended_;
}

Task<void> CommitLoop::sync_wanted() {
  for (;;) {
    std::vector<Step*> steps;
    const std::optional<uint64_t> covered = take_sync(&steps);
    if (!covered) {
      if (is_synced_to_the_end()) break;
      co_await sync_signal_.wait();
      continue;
    }
    const os::Instant began = clock_.now();
    Result<void> synced = co_await journal_.sync();
    note_sync(synced ? covered : std::nullopt);
    if (synced) {
      events_.journal_synced(clock_.now() - began);
      answer(steps);
      continue;
    }
    break_down(synced.error(), "syncing the journal");
    failed(steps, unknown_outcome("the journal could not be synced: " + synced.error().message(), EIO).error());
  }
}

bool CommitLoop::is_synced_to_the_end() const {
  std::lock_guard lock(mutex_);
  return commit_ended_ && synced_ >= sync_due_ && waiting_for_sync_.empty();
}

void CommitLoop::note_sync(std::optional<uint64_t> covered) {
  std::lock_guard lock(mutex_);
  if (covered)
    synced_ = *covered;
  else
    sync_due_ = synced_;  // nothing will be synced any more
}

Task<void> CommitLoop::sync_in_background(std::stop_token stop) {
  // Raised after the stop is visible: a signal raised before may have been taken by a round that did not see it yet.
  const std::stop_callback wake(stop, [this] { unsynced_signal_.raise(); });
  while (!stop.stop_requested()) {
    co_await unsynced_signal_.wait();
    if (stop.stop_requested()) break;
    co_await clock_.sleep(config_.sync_after, stop);
    if (has_unsynced() && !broken_) want_sync();
  }
}

bool CommitLoop::has_unsynced() const {
  std::lock_guard lock(mutex_);
  return synced_ < appended_;
}

void CommitLoop::break_down(const Status& status, std::string_view doing) {
  {
    std::lock_guard lock(mutex_);
    if (broken_) return;
    broken_reason_ = "the master accepts no more changes: " + std::string(doing) + " failed: " + status.message();
    broken_ = true;
  }
  log_.error("the journal failed; no more changes are accepted until this master is started again",
             {{"doing", doing}, {"error", status.to_string()}});
  events_.became_broken();
}

}  // namespace forebay::master
