#include "master/cluster/worker_table.h"

#include <algorithm>

namespace forebay::master {

namespace {
constexpr size_t kMaxSuspects = 100'000;

uint64_t largest_object(const v1::TierSpace& tier) {
  return tier.has_largest_bytes() ? tier.largest_bytes() : tier.available_bytes();
}
}  // namespace

void WorkerTable::load(WorkerId worker, const v1::WorkerRecord& record) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[worker];
  entry.address = record.address();
  entry.address.set_worker(worker.value);
  entry.start_nonce = record.start_nonce();
}

std::optional<WorkerId> WorkerTable::registered_with(uint64_t start_nonce) const {
  std::lock_guard lock(mutex_);
  for (const auto& [worker, entry] : entries_)
    if (entry.start_nonce == start_nonce) return worker;
  return std::nullopt;
}

Result<void> WorkerTable::check_registration(WorkerId worker, const v1::RegisterWorkerRequest& request) const {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(worker);
  if (found == entries_.end()) {
    if (entries_.size() >= config_.max_workers)
      return busy("the cluster has " + std::to_string(entries_.size()) + " workers, its limit");
    return {};
  }
  const Entry& entry = found->second;
  bool same_process = entry.start_nonce == request.start_nonce();
  bool same_host = entry.address.host_id() == request.address().host_id();
  if (!same_process && !same_host && state(entry) != State::kLost) {
    return invalid("worker id " + to_string(worker) + " is in use by a live worker at " + entry.address.address() +
                   "; a worker's directory was copied: empty the copy at " + request.address().address());
  }
  return {};
}

void WorkerTable::registered(WorkerId worker, const v1::RegisterWorkerRequest& request, uint64_t registration,
                             uint64_t first_new_object) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[worker];
  entry = Entry{};
  entry.address = request.address();
  entry.address.set_worker(worker.value);
  entry.start_nonce = request.start_nonce();
  entry.registration = registration;
  entry.first_new_object = first_new_object;
  entry.heard = true;
  entry.last_heard = clock_.now();
  entry.tiers.assign(request.tiers().begin(), request.tiers().end());
}

Result<void> WorkerTable::heartbeat(WorkerId worker, uint64_t registration, const v1::WorkerHeartbeatRequest& request) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(worker);
  if (found == entries_.end() || !found->second.heard || found->second.registration != registration) {
    return stale("worker " + to_string(worker) + " is not registered with this master");
  }
  Entry& entry = found->second;
  if (entry.complete && entry.more_suspects && entry.suspects.empty())
    return stale("worker " + to_string(worker) + " misses more objects than are asked for at once: it has to list them again");
  entry.last_heard = clock_.now();
  entry.tiers.assign(request.tiers().begin(), request.tiers().end());
  entry.granted_since = 0;
  entry.objects = request.objects();
  return {};
}

Result<uint64_t> WorkerTable::first_new_object(WorkerId worker, uint64_t registration) const {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(worker);
  if (found == entries_.end() || !found->second.heard || found->second.registration != registration) {
    return stale("worker " + to_string(worker) + " is not registered with this master");
  }
  return found->second.first_new_object;
}

void WorkerTable::inventory_complete(WorkerId worker) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(worker);
  if (found == entries_.end()) return;
  found->second.complete = true;
  found->second.last_heard = clock_.now();
}

void WorkerTable::suspect(WorkerId worker, ObjectId object) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(worker);
  if (found == entries_.end()) return;
  if (found->second.suspects.size() < kMaxSuspects)
    found->second.suspects.push_back(object);
  else
    found->second.more_suspects = true;
}

std::vector<ObjectId> WorkerTable::take_suspects(WorkerId worker, size_t most) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(worker);
  if (found == entries_.end()) return {};
  std::vector<ObjectId>& suspects = found->second.suspects;
  auto end = suspects.begin() + static_cast<ptrdiff_t>(std::min(most, suspects.size()));
  std::vector<ObjectId> taken(suspects.begin(), end);
  suspects.erase(suspects.begin(), end);
  return taken;
}

WorkerTable::State WorkerTable::state(const Entry& entry) const {
  if (!entry.heard || clock_.now() - entry.last_heard > config_.lost_after) return State::kLost;
  return entry.complete ? State::kLive : State::kRegistering;
}

const char* WorkerTable::name(State state) {
  switch (state) {
    case State::kLost: return "lost";
    case State::kRegistering: return "registering";
    case State::kLive: return "live";
  }
  return "unnamed state";
}

uint64_t WorkerTable::reported_room(const Entry& entry) {
  uint64_t room = 0;
  for (const v1::TierSpace& tier : entry.tiers) room = std::max(room, largest_object(tier));
  return room;
}

// What was granted since the report may sit in any tier, so it is taken from the largest: too careful rather than too generous.
uint64_t WorkerTable::largest_room(const Entry& entry) {
  const uint64_t room = reported_room(entry);
  return room > entry.granted_since ? room - entry.granted_since : 0;
}

Result<Placer::Placed> WorkerTable::place(const v1::Placement& wanted) {
  std::lock_guard lock(mutex_);
  Entry* best = nullptr;
  size_t live = 0;
  bool may_have_room = false;
  // A copy is made whole, beside what it is a copy of, or not at all.
  const uint64_t least = wanted.fork() ? wanted.bytes() : std::min(config_.least_grant, wanted.bytes());
  auto is_avoided = [&](const Entry& entry) {
    return std::ranges::find(wanted.avoid(), entry.address.worker()) != wanted.avoid().end();
  };
  // In this order: not one that has just failed this client (it may be back by now, so it is better than none); with all the room
  // that is wanted; on the client's host; with the most room.
  auto rank = [&](const Entry& entry) {
    uint64_t room = largest_room(entry);
    bool local = !wanted.host_id().empty() && entry.address.host_id() == wanted.host_id();
    return std::tuple(!is_avoided(entry), room >= wanted.bytes(), local, room);
  };
  for (auto& [worker, entry] : entries_) {
    if (state(entry) != State::kLive || (wanted.fork() && is_avoided(entry))) continue;
    ++live;
    may_have_room |= reported_room(entry) >= least;
    if (largest_room(entry) < least) continue;
    if (!best || rank(entry) > rank(*best)) best = &entry;
  }
  if (live == 0) return elsewhere("no worker is live");
  // Most of what was granted is never used: the next report says what is.
  if (!best && may_have_room)
    return std::unexpected(Status(Code::kBusy, ENOSPC, "all room is granted, and no worker has said yet what is used of it"));
  if (!best) return rejected(ENOSPC, "no worker has room for " + std::to_string(wanted.bytes()) + " bytes");
  Placed placed{{WorkerId{best->address.worker()}}, std::min(wanted.bytes(), largest_room(*best))};
  placed.staged = wanted.staged() && !wanted.host_id().empty() && best->address.host_id() == wanted.host_id() &&
                  placed.bytes == wanted.bytes();
  best->granted_since += placed.bytes + kAroundObject;
  return placed;
}

bool WorkerTable::is_known(WorkerId worker) const {
  std::lock_guard lock(mutex_);
  return entries_.contains(worker);
}

bool WorkerTable::is_live(WorkerId worker) const {
  std::lock_guard lock(mutex_);
  auto entry = entries_.find(worker);
  return entry != entries_.end() && state(entry->second) != State::kLost;
}

std::map<WorkerId, uint64_t> WorkerTable::surplus() const {
  std::lock_guard lock(mutex_);
  std::map<WorkerId, uint64_t> surplus;
  for (const auto& [worker, entry] : entries_) {
    if (state(entry) != State::kLive) continue;
    for (const v1::TierSpace& tier : entry.tiers) {
      if (tier.surplus_bytes() != 0) surplus[worker] += tier.surplus_bytes();
    }
  }
  return surplus;
}

v1::GetWorkersReply WorkerTable::addresses() const {
  std::lock_guard lock(mutex_);
  v1::GetWorkersReply reply;
  for (const auto& [worker, entry] : entries_) {
    v1::WorkerAddress& address = *reply.add_workers();
    address = entry.address;
    address.set_live(state(entry) == State::kLive);
  }
  return reply;
}

std::vector<v1::WorkerReport> WorkerTable::report() const {
  std::lock_guard lock(mutex_);
  std::vector<v1::WorkerReport> reports;
  for (const auto& [worker, entry] : entries_) {
    v1::WorkerReport& report = reports.emplace_back();
    *report.mutable_address() = entry.address;
    report.mutable_address()->set_live(state(entry) == State::kLive);
    report.mutable_tiers()->Assign(entry.tiers.begin(), entry.tiers.end());
    report.set_objects(entry.objects);
    auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - entry.last_heard).count();
    if (entry.heard) report.set_last_heartbeat_ms_ago(static_cast<uint64_t>(std::max<int64_t>(ago, 0)));
    report.set_state(name(state(entry)));
  }
  return reports;
}

void WorkerTable::space(v1::StatFsReply& reply) const {
  std::lock_guard lock(mutex_);
  for (const auto& [worker, entry] : entries_) {
    if (state(entry) == State::kLost) continue;
    reply.set_live_workers(reply.live_workers() + 1);
    for (const v1::TierSpace& tier : entry.tiers) {
      reply.set_total_bytes(reply.total_bytes() + tier.quota_bytes());
      reply.set_free_bytes(reply.free_bytes() + tier.available_bytes());
    }
  }
}

WorkerRoom WorkerTable::room() const {
  std::lock_guard lock(mutex_);
  WorkerRoom room;
  for (const auto& [worker, entry] : entries_) {
    if (state(entry) != State::kLive) continue;
    uint64_t available = 0;
    for (const v1::TierSpace& tier : entry.tiers) {
      room.total += tier.quota_bytes();
      available += tier.available_bytes();
    }
    room.left += available - std::min(available, entry.granted_since);
  }
  return room;
}

std::vector<WorkerId> WorkerTable::live() const {
  std::lock_guard lock(mutex_);
  std::vector<WorkerId> live;
  for (const auto& [worker, entry] : entries_) {
    if (state(entry) == State::kLive) live.push_back(worker);
  }
  return live;
}

WorkerTable::Counts WorkerTable::counts() const {
  std::lock_guard lock(mutex_);
  Counts counts;
  for (const auto& [worker, entry] : entries_) {
    if (state(entry) == State::kLive) ++counts.live;
    if (state(entry) == State::kLost) ++counts.lost;
  }
  return counts;
}

}  // namespace forebay::master
