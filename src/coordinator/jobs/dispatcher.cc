#include "coordinator/jobs/dispatcher.h"

#include <algorithm>

namespace forebay::coordinator {

namespace {

namespace persists = v1::persist_service;
using std::chrono::milliseconds;
constexpr Duration kShortest = milliseconds(20);  // between two rounds
constexpr Duration kTogether = milliseconds(5);   // between two looks at what is new: more of it comes in one answer
constexpr Duration kLongestWait = std::chrono::seconds(10);

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
    self->since_round_ = {};
    self->again_ = {};
    for (const uint64_t mount : self->parts_.breakers.take_back()) self->scope_.spawn(hurry(self, mount, stop));
    Task<Result<void>> going = self->round(stop);
    Result<void> gone = co_await std::move(going);
    if (gone) {
      Task<Result<void>> following = self->follow(stop);
      gone = co_await std::move(following);
    }
    if (!gone && !gone.error().is(Code::kCancelled))
      self->parts_.log.error("the queue could not be read", {{"error", gone.error().to_string()}});
    if (gone) continue;
    Task<bool> sleeping = self->parts_.env.clock.sleep(self->parts_.config.interval, stop);
    co_await std::move(sleeping);
  }
}

// A page at a time: there may be a hundred thousand.
Task<void> Dispatcher::hurry(Dispatcher* self, uint64_t mount, std::stop_token stop) {
  self->parts_.log.info("a store answers again; what failed there is due", {{"mount", mount}});
  v1::RetryIntentsRequest request;
  request.set_mount(mount);
  do {
    Task<Result<v1::RetryIntentsReply>> asking = self->parts_.master.call<persists::RetryIntents>(request, stop);
    const Result<v1::RetryIntentsReply> reply = co_await std::move(asking);
    if (!reply) {
      const bool is_news = !reply.error().is(Code::kCancelled);
      if (is_news)
        self->parts_.log.warning("what failed waits for its turn", {{"mount", mount}, {"error", reply.error().to_string()}});
      co_return;
    }
    request.set_cursor(reply->cursor());
  } while (!request.cursor().empty());
}

Task<Result<void>> Dispatcher::round(std::stop_token stop) {
  v1::NextIntentsRequest request;
  request.set_limit(parts_.config.page);
  last_.reset();
  for (;;) {
    Task<Result<v1::NextIntentsReply>> asking = parts_.master.call<persists::NextIntents>(request, stop);
    CO_ASSIGN_OR_RETURN(const v1::NextIntentsReply page, co_await std::move(asking));
    Task<Result<void>> beginning = begin(page, stop);
    CO_TRY(co_await std::move(beginning));
    if (page.intents_size() < static_cast<int>(request.limit())) co_return Result<void>{};
    *request.mutable_after() = *last_;
  }
}

// What is due later has a later place. (Should the master's clock be set back, the next round finds what has not.)
Task<Result<void>> Dispatcher::follow(std::stop_token stop) {
  const os::Instant begun = parts_.env.clock.now(), until = begun + parts_.config.interval;
  const std::stop_token again = again_.get_token();
  std::stop_source over;
  const std::stop_callback when_again(again, [&over] { over.request_stop(); });
  const std::stop_callback when_stopped(stop, [&over] { over.request_stop(); });
  for (;;) {
    const bool is_time = again.stop_requested();
    const os::Instant end = is_time ? std::min(begun + kShortest, until) : until;
    const Duration wait = std::min(end - parts_.env.clock.now(), kLongestWait);
    if (wait <= Duration{} || stop.stop_requested()) co_return Result<void>{};
    v1::NextIntentsRequest request;
    request.set_limit(parts_.config.page);
    if (last_) *request.mutable_after() = *last_;
    request.set_wait_ms(static_cast<uint32_t>(std::chrono::ceil<milliseconds>(wait).count()));
    Task<Result<v1::NextIntentsReply>> asking =
        parts_.master.call<persists::NextIntents>(request, is_time ? stop : over.get_token());
    Result<v1::NextIntentsReply> page = co_await std::move(asking);
    if (!page && !is_time && again.stop_requested()) continue;
    if (!page) co_return std::unexpected(std::move(page).error());
    Task<Result<void>> beginning = begin(*page, stop);
    CO_TRY(co_await std::move(beginning));
    if (page->intents().empty()) continue;
    Task<bool> sleeping = parts_.env.clock.sleep(kTogether, stop);
    co_await std::move(sleeping);
  }
}

Task<Result<void>> Dispatcher::begin(const v1::NextIntentsReply& page, std::stop_token stop) {
  for (const v1::WaitingIntent& waiting : page.intents()) {
    last_ = waiting.place();
    if (at_work_.contains({waiting.place().due_ns(), waiting.place().sequence()})) continue;
    co_await permits_.acquire();
    if (stop.stop_requested()) {
      permits_.release();
      co_return cancelled("the coordinator stops");
    }
    at_work_.emplace(waiting.place().due_ns(), waiting.place().sequence());
    if (scope_.spawn(run_one(this, waiting, stop))) continue;
    permits_.release();
    co_return cancelled("the coordinator stops");
  }
  co_return Result<void>{};
}

Task<void> Dispatcher::run_one(Dispatcher* self, v1::WaitingIntent intent, std::stop_token stop) {
  const Place place{intent.place().due_ns(), intent.place().sequence()};
  Task<Runner::Ran> running = self->runner_.run_intent(std::move(intent), stop);
  const Runner::Ran ran = co_await std::move(running);
  self->at_work_.erase(place);
  self->note(ran);
  self->permits_.release();
}

// What could not be begun is looked at again when something else has ended.
void Dispatcher::note(Runner::Ran ran) {
  since_round_.did_something |= ran.did_something;
  since_round_.is_left |= ran.is_left;
  if (since_round_.did_something && since_round_.is_left) again_.request_stop();
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
  self->note({.did_something = true});
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
  self->note({.did_something = true});
  self->permits_.release();
}

}  // namespace forebay::coordinator
