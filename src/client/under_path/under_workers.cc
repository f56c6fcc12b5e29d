#include "client/under_path/under_workers.h"

#include <algorithm>

namespace forebay::client {
namespace {
constexpr Duration kFresh = std::chrono::seconds(5);
constexpr Duration kSilent = std::chrono::seconds(10);
}  // namespace

v1::RequestContext UnderWorkers::context_of(const Identity& who) {
  v1::RequestContext context = traced(who.trace);
  context.set_uid(who.uid);
  context.set_gid(who.gid);
  return context;
}

bool UnderWorkers::is_final(const Status& status) {
  return status.is(Code::kRejected) || status.is(Code::kInvalid) || status.is(Code::kStale) || status.is(Code::kCancelled) ||
         status.is(Code::kBroken);
}

// What the application is to see as it is: an object that has changed is ESTALE, not an I/O error.
Error UnderWorkers::final(const Status& status, const Identity& who) {
  if (status.is(Code::kStale)) return Error(Status(Code::kRejected, ESTALE, status.message()).with_trace(who.trace));
  if (status.is(Code::kCorrupt)) return Error(broken(status.message()).error().with_trace(who.trace));
  return Error(Status(status).with_trace(who.trace));
}

Error UnderWorkers::uncertain(const Status& status, const Identity& who) {
  return Error(
      broken("whether it was done is not known; look at the under store: " + status.message()).error().with_trace(who.trace));
}

Error UnderWorkers::given_up(const Status& status, const Identity& who) {
  return Error(broken("the under store does not answer in time: " + status.message()).error().with_trace(who.trace));
}

Task<Result<void>> UnderWorkers::refresh() {
  Result<std::vector<v1::WorkerAddress>> table = co_await routing_.refresh_workers();
  std::lock_guard lock(mutex_);
  is_asking_ = false;
  if (!table) co_return std::unexpected(std::move(table).error());
  next_ = env_.clock.now() + kFresh;
  live_.clear();
  for (const v1::WorkerAddress& worker : *table)
    if (worker.live()) live_.push_back(WorkerId{worker.worker()});
  co_return Result<void>{};
}

Task<void> UnderWorkers::refresh_again(UnderWorkers* self) {
  const Result<void> refreshed = co_await self->refresh();
  (void)refreshed;  // what was known stays
}

Task<Result<std::vector<WorkerId>>> UnderWorkers::in_order(uint64_t seed) {
  bool waits = false, refreshes = false;
  {
    std::lock_guard lock(mutex_);
    waits = live_.empty();
    refreshes = !waits && !is_asking_ && env_.clock.now() >= next_;
    if (refreshes) is_asking_ = true;
  }
  if (waits) CO_TRY(co_await refresh());
  if (refreshes && !background_.spawn(0, refresh_again(this))) {
    std::lock_guard lock(mutex_);
    is_asking_ = false;
  }
  std::lock_guard lock(mutex_);
  const os::Instant now = env_.clock.now();
  std::erase_if(silent_, [now](const auto& each) { return each.second <= now; });
  std::vector<WorkerId> order = live_;
  auto rank = [&](WorkerId worker) {
    std::string text;
    append_big_endian(text, worker.value);
    return std::pair(silent_.contains(worker), hash64(text, seed));
  };
  std::ranges::sort(order, {}, rank);
  co_return order;
}

void UnderWorkers::failed(WorkerId worker) {
  std::lock_guard lock(mutex_);
  silent_[worker] = env_.clock.now() + kSilent;
}

void UnderWorkers::hint(uint64_t seed, v1::ReadUnderRequest request) {
  background_.spawn(0, send_hint(this, seed, std::move(request)));
}

Task<void> UnderWorkers::send_hint(UnderWorkers* self, uint64_t seed, v1::ReadUnderRequest request) {
  Result<std::vector<WorkerId>> order = co_await self->in_order(seed);
  if (!order || order->empty()) co_return;
  auto ignored = co_await self->routing_.call_worker<v1::under_service::ReadUnder>(order->front(), std::move(request), {});
  (void)ignored;  // the read itself will say what is wrong
}

}  // namespace forebay::client
