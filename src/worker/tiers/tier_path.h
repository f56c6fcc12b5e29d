// One directory of one tier: its quota, what of it is given out, and whether its disk still works.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/status.h"
#include "os/file.h"

namespace forebay::worker {

// What a path's file system gives out in: every charge is a multiple of it, so that the quota bounds what `du` shows.
inline constexpr uint64_t kChargeUnit = 4096;

constexpr uint64_t round_to_charge(uint64_t bytes) { return (bytes + kChargeUnit - 1) / kChargeUnit * kChargeUnit; }

// Shares of the quota, as in the reference system: at `high` the path takes no new objects until it is down to `low`, as long as
// any other path is below its own. Objects already in it grow up to the quota all the same.
struct Watermarks {
  double high = 0.95, low = 0.7;
};

// Accounts for the space of one path. Charges count from the moment they are granted, before a byte is written. A path fails
// once, at the first error of its disk, and stays failed until the worker restarts: it serves what it can still read and takes
// nothing new. Owned by its tier. Any thread; the lock is never held across I/O.
class TierPath {
 public:
  static constexpr int kMaxReadErrors = 16;

  TierPath(std::string tier, const std::string& medium, std::string directory, uint64_t quota_bytes, Watermarks watermarks);

  const std::string& tier() const { return tier_; }
  bool is_memory() const { return is_memory_; }  // its calls do not wait for a disk
  const std::string& directory() const { return directory_; }
  uint64_t quota_bytes() const { return quota_bytes_; }

  // `rejected` ENOSPC: the quota does not hold it. EIO: the path has failed.
  Result<void> charge(uint64_t bytes);
  void charge_recovered(uint64_t bytes);  // of an object found at start: it is there, even if the quota has shrunk since
  void release(uint64_t bytes);
  uint64_t used_bytes() const;

  // What the medium has free, as asked last; until then reckoned on with what is charged and released. Others may use it too.
  void set_medium_free(uint64_t bytes);
  uint64_t available_bytes() const;  // what a new object could get: the smaller of quota and medium; 0 once failed
  bool takes_new_objects();          // by the watermarks
  // Whether so many bytes are left of the quota, or more than the medium has: a file that grows without asking then ends by the
  // medium, or has that much to go.
  bool is_quota_ample(uint64_t bytes) const;
  uint64_t surplus_bytes();  // above the low one, once the high one was reached and until it is down again

  bool fail(const Status& cause);  // true the first time
  bool count_read_error();         // true from the kMaxReadErrors-th on: not a sector, but the disk
  std::optional<Status> failure() const;

 private:
  const std::string tier_, directory_;
  const bool is_memory_;
  const uint64_t quota_bytes_;
  const Watermarks watermarks_;

  mutable std::mutex mutex_;
  // Under mutex_:
  uint64_t used_bytes_ = 0;
  uint64_t medium_free_bytes_ = UINT64_MAX;
  bool above_high_ = false;
  int read_errors_ = 0;
  std::optional<Status> failure_;
};

}  // namespace forebay::worker
