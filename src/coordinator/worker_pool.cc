#include "coordinator/worker_pool.h"

#include <algorithm>
#include <utility>

namespace forebay::coordinator {

namespace {
constexpr Duration kRefresh = std::chrono::seconds(2);
constexpr rpc::Backoff kLooksAgain{.first = std::chrono::milliseconds(100), .most = std::chrono::seconds(5)};
}  // namespace

Task<void> WorkerPool::keep_fresh(WorkerPool* pool, std::stop_token stop) {
  for (;;) {
    Task<void> refreshing = pool->refresh(stop);
    co_await std::move(refreshing);
    Task<bool> sleeping = pool->env_.clock.sleep(kRefresh, stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
  }
}

Task<void> WorkerPool::refresh(std::stop_token stop) {
  Task<Result<v1::GetWorkersReply>> asking = master_.call<v1::namespace_service::GetWorkers>({}, stop);
  Result<v1::GetWorkersReply> reply = co_await std::move(asking);
  if (!reply) co_return;  // the old table stays
  for (auto& [worker, place] : places_) place.address.set_live(false);
  for (const v1::WorkerAddress& each : reply->workers()) {
    Place& place = places_[WorkerId{each.worker()}];
    const bool has_moved = place.address.address() != each.address();
    place.address = each;
    if (!has_moved && place.channel) continue;
    if (place.channel) retired_.push_back(std::move(place.channel));
    Result<os::Address> to = os::Address::parse(each.address());
    if (to) place.channel = std::make_unique<rpc::Channel>(env_, *to, rpc::ChannelConfig{}, executor_);
  }
}

v1::GetWorkersReply WorkerPool::table() const {
  v1::GetWorkersReply reply;
  for (const auto& [worker, place] : places_) {
    if (place.channel) *reply.add_workers() = place.address;
  }
  return reply;
}

uint64_t WorkerPool::bandwidth() const {
  uint64_t sum = 0;
  for (const auto& [worker, place] : places_) {
    if (!place.address.live()) continue;
    if (place.bandwidth == 0) return 0;
    sum += place.bandwidth;
  }
  return sum;
}

bool WorkerPool::is_usable(const Place& place) const {
  return place.channel && place.address.live() && env_.clock.now() >= place.avoided_until;
}

std::map<WorkerId, uint64_t> WorkerPool::bytes_of(const v1::Layout& layout) {
  std::map<WorkerId, uint64_t> bytes;
  for (const v1::ObjectLocation& object : layout.objects()) {
    for (const uint64_t worker : object.workers()) bytes[WorkerId{worker}] += object.length() + 1;
  }
  return bytes;
}

std::optional<WorkerId> WorkerPool::pick(const Search& search) {
  std::optional<WorkerId> best;
  uint64_t best_bytes = 0;
  size_t best_tasks = 0;
  for (const auto& [worker, place] : places_) {
    if (place.tasks >= search.most_tasks || !is_usable(place)) continue;
    const auto held = search.bytes.find(worker);
    const uint64_t here = held == search.bytes.end() ? 0 : held->second;
    const bool is_better = !best || here > best_bytes || (here == best_bytes && place.tasks < best_tasks);
    if (!is_better) continue;
    best = worker;
    best_bytes = here;
    best_tasks = place.tasks;
  }
  if (best) take(*best);
  return best;
}

// ---- waiting for a place ----

Task<std::optional<WorkerId>> WorkerPool::find_place(WorkerPool* pool, Search search, std::stop_token stop,
                                                     std::stop_token unwanted) {
  Waiter waiter{.pool = *pool, .most_tasks = search.most_tasks, .woken = {}};
  for (int attempt = 0; !stop.stop_requested() && !unwanted.stop_requested(); ++attempt) {
    if (std::optional<WorkerId> worker = pool->pick(search)) co_return worker;
    if (pool->env_.clock.now() >= search.give_up) break;
    // A worker may also come back by itself.
    Task<void> waiting = wait_for_place(pool, &waiter, kLooksAgain.pause(attempt, pool->env_.random), stop);
    co_await std::move(waiting);
  }
  waiter.leave();
  pool->wake_next();
  co_return std::nullopt;
}

Task<void> WorkerPool::wait_for_place(WorkerPool* pool, Waiter* waiter, Duration most, std::stop_token stop) {
  waiter->enlist();
  const std::stop_callback when_stopped(stop, [waiter] { waiter->woken.request_stop(); });
  Task<bool> sleeping = pool->env_.clock.sleep(most, waiter->woken.get_token());
  co_await std::move(sleeping);
}

// Somebody may have been quicker than who was woken, who is still the one that waits longest.
void WorkerPool::Waiter::enlist() {
  if (is_listed) return;
  woken = {};
  pool.waiting_.insert(was_woken ? pool.waiting_.begin() : pool.waiting_.end(), this);
  is_listed = true;
}

void WorkerPool::Waiter::leave() {
  if (std::exchange(is_listed, false)) pool.waiting_.remove(this);
}

void WorkerPool::release(WorkerId worker) {
  --places_[worker].tasks;
  wake_next();
}

// Not all may have as many tasks at a worker: the one that waits longest need not be able to take what is free.
void WorkerPool::wake_next() {
  if (waiting_.empty()) return;
  size_t fewest = SIZE_MAX;
  for (const auto& [worker, place] : places_) {
    if (is_usable(place)) fewest = std::min(fewest, place.tasks);
  }
  const auto next = std::ranges::find_if(waiting_, [&](const Waiter* waiter) { return fewest < waiter->most_tasks; });
  if (next == waiting_.end()) return;
  Waiter& woken = **next;
  woken.leave();
  woken.was_woken = true;
  woken.woken.request_stop();
}

Task<void> WorkerPool::stop() {
  for (auto& [worker, place] : places_) {
    if (place.channel) co_await place.channel->stop();
  }
  for (auto& channel : retired_) co_await channel->stop();
}

}  // namespace forebay::coordinator
