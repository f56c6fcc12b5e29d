// Blocking calls that a caller can leave.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "async/sync.h"
#include "async/task.h"
#include "os/clock.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// Runs functions on the blocking executor and gives up waiting at the call's deadline or token: a NAS that hangs keeps its
// threads, but not its callers. At most `most` run at a time; further ones wait for their turn until their deadline, and when
// kMostWaiting wait, more are `busy` at once. A function left behind runs on: it owns all it touches. Outlives its calls, not the
// functions left behind.
class BlockingCalls {
 public:
  static constexpr size_t kMostWaiting = 4096;

  BlockingCalls(os::Clock& clock, async::Executor blocking, size_t most)
      : clock_(clock), blocking_(std::move(blocking)), slots_(std::make_shared<Slots>(most)) {}

  // `writes`: leaving it is an unknown outcome, not `busy`.
  template <class F, class R = std::invoke_result_t<F>>
  Task<R> run(F function, Call call, bool writes, std::string doing) {
    if (call.stop.stop_requested()) co_return cancelled(doing);
    const bool has_deadline = call.deadline != os::Instant::max();
    if (has_deadline && clock_.now() >= call.deadline) co_return busy(doing + ": the deadline has passed");
    if (slots_->waiting >= kMostWaiting) co_return busy(doing + ": too many calls wait for the file system");
    auto race = std::make_shared<Race<R>>();
    async::Executor executor = co_await async::current_executor();
    async::spawn_detached(executor, perform(slots_, blocking_, std::move(function), race));
    if (has_deadline) async::spawn_detached(executor, expire(&clock_, call.deadline, race));
    std::stop_callback on_stop(call.stop, [race] { race->first.set(Outcome<R>{}); });
    Outcome<R> outcome = co_await race->first.wait();
    race->over.request_stop();
    if (outcome.result) co_return *std::move(outcome.result);
    if (!outcome.is_late) co_return cancelled(doing);
    if (writes && race->began) co_return unknown_outcome(doing + ": no answer by the deadline");
    co_return busy(doing + ": no answer by the deadline");
  }

 private:
  struct Slots {
    explicit Slots(size_t most) : free(most) {}
    async::Semaphore free;
    std::atomic<size_t> waiting = 0;
  };
  template <class R>
  struct Outcome {
    std::optional<R> result;
    bool is_late = false;
  };
  template <class R>
  struct Race {  // shared by the caller, the timer and the function
    async::OneShot<Outcome<R>> first;
    std::stop_source over;
    std::atomic<bool> began = false;
  };
  template <class F, class R>
  static Task<void> perform(std::shared_ptr<Slots> slots, async::Executor blocking, F function, std::shared_ptr<Race<R>> race) {
    ++slots->waiting;
    co_await slots->free.acquire();
    --slots->waiting;
    if (!race->over.stop_requested()) {
      race->began = true;
      R result = co_await async::run_blocking(blocking, std::move(function));
      race->first.set({std::move(result), false});
    }
    slots->free.release();
  }
  template <class R>
  static Task<void> expire(os::Clock* clock, os::Instant deadline, std::shared_ptr<Race<R>> race) {
    const bool slept = co_await clock->sleep_until(deadline, race->over.get_token());
    if (slept) race->first.set({std::nullopt, true});
  }

  os::Clock& clock_;
  const async::Executor blocking_;
  const std::shared_ptr<Slots> slots_;  // shared with functions left behind
};

}  // namespace forebay::ufs
