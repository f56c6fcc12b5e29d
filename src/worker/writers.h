// Whether clients write on this host.
#pragma once

#include <mutex>
#include <string>

#include "obs/log.h"
#include "os/env.h"

namespace forebay::worker {

// Knows for `kLooksOn` after it was told that clients write to this worker, or to another one that shares the host file: its time
// of change says when. A few bytes now and then are not writing. Owned by the worker; Env and log outlive it. Any thread; nothing
// here waits for anything but the status of one file. Without a host file, or when that cannot be used, each worker knows of its
// own clients only.
class Writers {
 public:
  static constexpr Duration kLooksOn = std::chrono::milliseconds(1250);  // longer than between two looks at files that grow
  static constexpr uint64_t kMuch = 8 * kMiB;                            // in a second

  Writers(os::Env& env, std::string host_file, obs::Log& log);

  void began();                // a file whose bytes do not pass through the worker: it is seen growing once a second only
  void wrote(uint64_t bytes);  // by frames, or by growing
  bool are_active();

 private:
  void note(os::Instant now);

  os::Env& env_;
  const std::string host_file_;
  bool is_shared_ = false;  // constant after construction

  std::mutex mutex_;
  // Under mutex_:
  os::Instant until_{}, told_at_{}, looked_at_{};
  bool others_ = false;  // when it was looked
  os::Instant window_begin_{};
  uint64_t window_bytes_ = 0;
};

}  // namespace forebay::worker
