#include "coordinator/jobs/dispatcher.h"

#include <algorithm>

namespace forebay::coordinator {

namespace {

namespace persists = v1::persist_service;
constexpr Duration kShortest = std::chrono::milliseconds(20);  // between two rounds

}  // namespace

void Dispatcher::start() {
  scope_.spawn(walk(this, scope_.token()));
  scope_.spawn(sweep(this, scope_.token()));
}

Task<void> Dispatcher::stop() { co_await scope_.stop(); }

// ---- intents ----

Task<void> Dispatcher::walk(Dispatcher* self, std::stop_token stop) {
  Task<void> joining = self->join_left(stop);
  co_await std::move(joining);
  while (!stop.stop_requested()) {
    self->did_something_ = false;
    Task<Result<int64_t>> going = self->round(stop);
    Result<int64_t> next_due = co_await std::move(going);
    if (!next_due && !next_due.error().is(Code::kCancelled))
      self->parts_.log.error("the queue could not be read", {{"error", next_due.error().to_string()}});
    const Duration pause = self->did_something_ ? kShortest : self->pause_until(next_due.value_or(0));
    Task<bool> sleeping = self->parts_.env.clock.sleep(pause, stop);
    co_await std::move(sleeping);
  }
}

Duration Dispatcher::pause_until(int64_t due_ns) const {
  if (due_ns == 0) return parts_.config.interval;
  const Duration until(due_ns - os::unix_nanos(parts_.env.clock.wall_now()));
  return std::min(parts_.config.interval, std::max<Duration>(until, kShortest));  // the interval may be the shortest of all
}

Task<Result<int64_t>> Dispatcher::round(std::stop_token stop) {
  v1::NextIntentsRequest request;
  request.set_limit(parts_.config.page);
  for (;;) {
    Task<Result<v1::NextIntentsReply>> asking = parts_.master.call<persists::NextIntents>(request, stop);
    CO_ASSIGN_OR_RETURN(v1::NextIntentsReply page, co_await std::move(asking));
    for (const v1::WaitingIntent& waiting : page.intents()) {
      if (at_work_.contains({waiting.place().due_ns(), waiting.place().sequence()})) continue;
      co_await permits_.acquire();
      if (stop.stop_requested()) {
        permits_.release();
        co_return cancelled("the coordinator stops");
      }
      at_work_.emplace(waiting.place().due_ns(), waiting.place().sequence());
      if (scope_.spawn(run_one(this, waiting.place(), stop))) continue;
      permits_.release();
      co_return cancelled("the coordinator stops");
    }
    if (page.intents_size() < static_cast<int>(request.limit())) co_return page.next_due_ns();
    *request.mutable_after() = page.intents().rbegin()->place();
  }
}

Task<void> Dispatcher::run_one(Dispatcher* self, v1::IntentPlace place, std::stop_token stop) {
  Task<bool> running = self->runner_.run_intent(place, stop);
  const bool did_something = co_await std::move(running);
  self->did_something_ |= did_something;
  self->at_work_.erase({place.due_ns(), place.sequence()});
  self->permits_.release();
}

// ---- operations of before ----

Task<Result<std::vector<v1::Operation>>> Dispatcher::operations(std::stop_token stop) {
  std::vector<v1::Operation> all;
  v1::ListOperationsRequest request;
  request.set_limit(parts_.config.page);
  for (;;) {
    Task<Result<v1::ListOperationsReply>> listing = parts_.master.call<persists::ListOperations>(request, stop);
    CO_ASSIGN_OR_RETURN(v1::ListOperationsReply page, co_await std::move(listing));
    for (v1::Operation& operation : *page.mutable_operations()) {
      request.set_after(operation.operation());
      if (!parts_.jobs.find(operation.operation())) all.push_back(std::move(operation));
    }
    // So many as one coordinator can have left; the rest is found by the next look.
    if (!page.more() || all.size() >= parts_.config.started) co_return all;
  }
}

Task<void> Dispatcher::join_left(std::stop_token stop) {
  Result<std::map<uint64_t, v1::TaskRecord>> records = parts_.tasks.load();
  if (!records) {
    parts_.log.error("what was left is not known; its leases have to end", {{"error", records.error().to_string()}});
    co_return;
  }
  Task<Result<std::vector<v1::Operation>>> listing = operations(stop);
  Result<std::vector<v1::Operation>> left = co_await std::move(listing);
  if (!left) co_return;
  for (v1::Operation& operation : *left) {
    auto record = records->find(operation.operation());
    if (record == records->end()) continue;
    const v1::TaskRecord known = std::move(record->second);
    records->erase(record);
    if (known.epoch() != operation.record().epoch()) continue;
    co_await permits_.acquire();
    if (!scope_.spawn(resume_one(this, std::move(operation), known, stop))) co_return;
  }
  if (left->size() >= parts_.config.started) co_return;  // not all were looked at
  for (const auto& [operation, record] : *records) {
    Task<Result<void>> erasing = parts_.tasks.erase(operation);
    (void)co_await std::move(erasing);  // it is tried again at the next start
  }
}

Task<void> Dispatcher::resume_one(Dispatcher* self, v1::Operation operation, v1::TaskRecord record, std::stop_token stop) {
  Task<void> resuming = self->runner_.resume(std::move(operation), std::move(record), stop);
  co_await std::move(resuming);
  self->did_something_ = true;
  self->permits_.release();
}

Task<void> Dispatcher::sweep(Dispatcher* self, std::stop_token stop) {
  for (;;) {
    Task<bool> sleeping = self->parts_.env.clock.sleep(self->parts_.config.lease / 3, stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
    Task<Result<std::vector<v1::Operation>>> listing = self->operations(stop);
    Result<std::vector<v1::Operation>> left = co_await std::move(listing);
    if (!left) continue;
    const int64_t now = os::unix_nanos(self->parts_.env.clock.wall_now());
    for (v1::Operation& operation : *left) {
      const bool is_ours = self->parts_.jobs.find(operation.operation()) != nullptr;
      if (is_ours || operation.record().lease_ns() > now || !self->permits_.try_acquire()) continue;
      if (!self->scope_.spawn(take_over_one(self, std::move(operation), stop))) co_return;
    }
  }
}

Task<void> Dispatcher::take_over_one(Dispatcher* self, v1::Operation operation, std::stop_token stop) {
  Task<void> taking = self->runner_.take_over(std::move(operation), stop);
  co_await std::move(taking);
  self->did_something_ = true;
  self->permits_.release();
}

}  // namespace forebay::coordinator
