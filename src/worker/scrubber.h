// Looks for decay before a reader does.
#pragma once

#include <cstdint>
#include <stop_token>

#include "async/task.h"
#include "os/env.h"
#include "worker/store/object_store.h"
#include "worker/worker_events.h"

namespace forebay::worker {

struct ScrubConfig {
  uint64_t bytes_per_second = 16 * kMiB;  // 0: off
  Duration pause_between_passes = std::chrono::hours(6);
};

// Reads every block of every sealed object again, at a bounded rate, pass after pass; what does not match its checksum is
// reported to the master as damaged by the store. Owned by the worker, as is the store. run() is one coroutine; reads on the
// blocking executor, one MiB at a time.
class Scrubber {
 public:
  Scrubber(os::Env& env, ObjectStore& store, ScrubConfig config, WorkerEvents& events)
      : env_(env), store_(store), config_(config), events_(events) {}

  Task<void> run(std::stop_token stop);
  Task<void> one_pass(std::stop_token stop);

 private:
  Task<void> scrub_object(ObjectId object, std::stop_token stop);

  os::Env& env_;
  ObjectStore& store_;
  const ScrubConfig config_;
  WorkerEvents& events_;
};

}  // namespace forebay::worker
