// Space that is reserved for clients whose bytes are still on their way.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "obs/log.h"
#include "os/clock.h"
#include "os/file.h"
#include "worker/tiers/tier_set.h"

namespace forebay::worker {

struct HeldSpaceConfig {
  Duration lease = std::chrono::seconds(30);  // of a hold that is not set again; after a start, of what was held before
  uint64_t max_hold_bytes = 16 * kMiB;        // of one client
  size_t max_holds = 4096;                    // one more gets nothing
  uint64_t share = 8;                         // a hold grows by at most this part (1/share) of what its path has free
};

// A client takes a hold once, and the objects it creates draw from it: their space is there although the bytes were taken in
// without asking the worker. A hold is charged to its path and allocated in a file of that path (`reserve`,
// docs/formats/object.md) with a little more (`kSpare`), so that neither others' files nor new objects can take it. An object
// that is created from a hold is allocated like any other; only when the medium refuses is the file cut by as much. What was
// drawn is otherwise cut off later, by upkeep().
//
// A hold ends when its client gives it back, with its lease, or with its path. After a restart of the worker the file still has
// what was held: the holds are claimed again by their clients within one lease, the rest is given back. Owned by the store;
// everything referenced outlives it. Any thread; calls block for their I/O; no lock is held across it.
class HeldSpace {
 public:
  HeldSpace(os::FileSystem& files, os::Clock& clock, TierSet& tiers, HeldSpaceConfig config, obs::Log& log);
  HeldSpace(const HeldSpace&) = delete;
  HeldSpace& operator=(const HeldSpace&) = delete;

  // What the last process has left. Once, before anything else.
  void start();

  // Bytes held afterwards: `bytes`, or as much as there is room for. `had`: so much of it may be claimed from what was held
  // before a restart. 0 ends it.
  struct Given {
    uint64_t bytes = 0;
    std::optional<Status> failure;  // of the path's disk, and which
    TierPath* path = nullptr;
  };
  Given set(uint64_t hold, uint64_t bytes, uint64_t had);
  Duration lease() const { return config_.lease; }

  // Takes `bytes` out of the hold; their charge to the path is the caller's. Null: the hold does not have them.
  TierPath* draw(uint64_t hold, uint64_t bytes);
  // The path's medium refuses what was drawn: cuts the reserve by so much. False: there is nothing to cut.
  bool make_room(TierPath& path, uint64_t bytes);

  // Ends what has expired, cuts off what was drawn.
  void upkeep();

  uint64_t held_bytes() const;
  size_t holds() const;

  static constexpr uint64_t kSpare = 64 * kKiB;        // in each reserve, for allocations that need more than was reckoned
  static constexpr uint64_t kPerObject = kChargeUnit;  // drawn beside an object's charge: the directory may need a block

 private:
  struct Hold {
    size_t path = 0;
    uint64_t bytes = 0;
    os::Instant ends{};
  };
  struct Reserve {
    std::unique_ptr<os::File> file;  // made when it is first needed
    uint64_t charged = 0;            // holds, unclaimed and spare bytes
    uint64_t allocated = 0;          // size of the file: what is charged, and what was drawn and not cut off yet
    uint64_t unclaimed = 0;          // left by the last process
    bool spare = false;              // kSpare is charged
    bool resizing = false;           // by one thread, without the lock
  };

  using Lock = std::unique_lock<std::mutex>;
  // All of these with the lock held; those that take it let go of it meanwhile.
  Hold* find_or_begin(uint64_t hold, uint64_t bytes, uint64_t had);
  Result<void> grow(Lock& lock, size_t path, uint64_t by);
  Result<void> resize(Lock& lock, size_t path, uint64_t bytes);
  void wait_for_resize(Lock& lock, const Reserve& reserve);
  void release(size_t path, uint64_t bytes);
  void expire(os::Instant now);

  Result<void> resize_file(std::unique_ptr<os::File>& file, size_t path, uint64_t from, uint64_t to);
  std::string name_of(size_t path) const;

  os::FileSystem& files_;
  os::Clock& clock_;
  TierSet& tiers_;
  const HeldSpaceConfig config_;
  obs::Log& log_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // a resize has ended; a waiter waits for another thread's I/O
  // Under mutex_:
  std::map<uint64_t, Hold> holds_;
  std::vector<Reserve> reserves_;  // of the paths, in their order
  os::Instant unclaimed_until_{};
};

}  // namespace forebay::worker
