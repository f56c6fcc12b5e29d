// The workers as the master knows them now.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "forebay/v1/admin.pb.h"
#include "forebay/v1/cluster.pb.h"
#include "forebay/v1/records.pb.h"
#include "master/cluster/intake_policy.h"
#include "master/operation.h"
#include "os/clock.h"

namespace forebay::master {

struct WorkerTableConfig {
  Duration lost_after = std::chrono::seconds(10);  // without a heartbeat; then nothing new is placed there
  size_t max_workers = 10'000;
  uint64_t least_grant = 1 << 20;  // bytes; a worker with less room counts as full
};

// Of an object beside its data, at most: header, checksums and rounding, for 64 MiB and more. Granted objects take it, too.
inline constexpr uint64_t kAroundObject = 16 * 1024;

// Every worker that ever registered, with its address, space and last heartbeat, and the choice of workers for new objects. In
// memory: the records ("M") are loaded at start, the rest comes with heartbeats. Owned by the Master. Any thread; no call blocks.
class WorkerTable : public Placer {
 public:
  enum class State : uint8_t { kLost, kRegistering, kLive };
  struct Counts {
    size_t live = 0, lost = 0;
  };

  WorkerTable(os::Clock& clock, WorkerTableConfig config) : clock_(clock), config_(config) {}

  void load(WorkerId worker, const v1::WorkerRecord& record);
  std::optional<WorkerId> registered_with(uint64_t start_nonce) const;
  // `invalid` when a live worker on another host has this id; `busy` at max_workers.
  Result<void> check_registration(WorkerId worker, const v1::RegisterWorkerRequest& request) const;
  // From now on only messages with `registration` are this worker's. `first_new_object`: ids from there on were granted later.
  void registered(WorkerId worker, const v1::RegisterWorkerRequest& request, uint64_t registration, uint64_t first_new_object);
  // `stale` when the registration is not the current one.
  Result<void> heartbeat(WorkerId worker, uint64_t registration, const v1::WorkerHeartbeatRequest& request);
  Result<uint64_t> first_new_object(WorkerId worker, uint64_t registration) const;
  void inventory_complete(WorkerId worker);

  // Objects that the last inventory missed: asked of the worker itself before anything is believed. At most 100,000 wait; when
  // there were more, the worker has to register, and to list what it has, again after these.
  void suspect(WorkerId worker, ObjectId object);
  std::vector<ObjectId> take_suspects(WorkerId worker, size_t most);

  // -- Placer --
  Result<Placed> place(const v1::Placement& wanted) override;
  bool is_known(WorkerId worker) const override;
  bool is_live(WorkerId worker) const override;

  v1::GetWorkersReply addresses() const;
  std::vector<v1::WorkerReport> report() const;
  void space(v1::StatFsReply& reply) const;  // of workers that are not lost
  WorkerRoom room() const;                   // of live workers, less what was granted since they told
  std::vector<WorkerId> live() const;
  Counts counts() const;
  // Of live workers above their high watermark: what has to go until they are at the low one.
  std::map<WorkerId, uint64_t> surplus() const;

 private:
  struct Entry {
    v1::WorkerAddress address;
    uint64_t start_nonce = 0, registration = 0, first_new_object = 0, objects = 0;
    bool complete = false;  // its inventory has been taken in
    bool heard = false;
    os::Instant last_heard{};
    std::vector<v1::TierSpace> tiers;
    uint64_t granted_since = 0;  // bytes with what is around them, since the tiers were reported
    std::vector<ObjectId> suspects;
    bool more_suspects = false;
  };
  static uint64_t reported_room(const Entry& entry);
  static uint64_t largest_room(const Entry& entry);
  State state(const Entry& entry) const;
  static const char* name(State state);

  os::Clock& clock_;
  const WorkerTableConfig config_;
  mutable std::mutex mutex_;
  std::map<WorkerId, Entry> entries_;
};

}  // namespace forebay::master
