#include "coordinator/worker_pool.h"

namespace forebay::coordinator {

namespace {
constexpr Duration kRefresh = std::chrono::seconds(2);
}

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

bool WorkerPool::is_free(const Place& place, size_t most_tasks) const {
  return place.channel && place.address.live() && place.tasks < most_tasks && env_.clock.now() >= place.avoided_until;
}

std::optional<WorkerId> WorkerPool::pick(const v1::Layout& layout, size_t most_tasks) {
  std::map<WorkerId, uint64_t> bytes;
  for (const v1::ObjectLocation& object : layout.objects()) {
    for (const uint64_t worker : object.workers()) bytes[WorkerId{worker}] += object.length() + 1;
  }
  std::optional<WorkerId> best;
  uint64_t best_bytes = 0;
  size_t best_tasks = 0;
  for (const auto& [worker, place] : places_) {
    if (!is_free(place, most_tasks)) continue;
    const auto held = bytes.find(worker);
    const uint64_t here = held == bytes.end() ? 0 : held->second;
    const bool is_better = !best || here > best_bytes || (here == best_bytes && place.tasks < best_tasks);
    if (!is_better) continue;
    best = worker;
    best_bytes = here;
    best_tasks = place.tasks;
  }
  if (best) take(*best);
  return best;
}

void WorkerPool::release(WorkerId worker) {
  --places_[worker].tasks;
  wake_next();
}

void WorkerPool::wake_next() {
  if (waiting_.empty()) return;
  Waiter* next = waiting_.front();
  waiting_.pop_front();
  next->is_listed = false;
  next->woken.request_stop();
}

Task<void> WorkerPool::wait_for_place(WorkerPool* pool, Duration most, std::stop_token stop) {
  Waiter waiter;
  const std::stop_callback when_stopped(stop, [&waiter] { waiter.woken.request_stop(); });
  pool->waiting_.push_back(&waiter);
  Task<bool> sleeping = pool->env_.clock.sleep(most, waiter.woken.get_token());
  co_await std::move(sleeping);
  if (waiter.is_listed) pool->waiting_.remove(&waiter);
}

Task<void> WorkerPool::stop() {
  for (auto& [worker, place] : places_) {
    if (place.channel) co_await place.channel->stop();
  }
  for (auto& channel : retired_) co_await channel->stop();
}

}  // namespace forebay::coordinator
