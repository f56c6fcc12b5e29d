// What a worker tells about itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "worker/pagestore/page_events.h"
#include "worker/tiers/tier_set.h"

namespace forebay::worker {

// Called at the moment it happens, from any thread, on the byte path too: an implementation only counts. Outlives the worker.
class WorkerEvents : public PageEvents {
 public:
  virtual void bytes_written(uint64_t /*bytes*/) {}
  virtual void bytes_read(uint64_t /*bytes*/) {}
  virtual void object_created() {}
  virtual void object_sealed(uint64_t /*length*/) {}
  virtual void object_removed() {}
  virtual void object_damaged(ObjectId) {}
  virtual void block_restored(uint64_t /*bytes*/, Duration /*took*/) {}  // from the under store
  virtual void bytes_scrubbed(uint64_t /*bytes*/) {}
  virtual void tasks_changed(size_t /*running*/) {}  // of persistence, as the next one
  virtual void task_ended(bool /*done*/, bool /*failed*/, uint64_t /*bytes*/) {}
  virtual void path_failed(const std::string& /*directory*/, const Status&) {}
  virtual void space_changed(const std::vector<TierUsage>&, uint64_t /*objects*/, size_t /*open_objects*/) {}
  virtual void registered(bool /*now*/) {}
  virtual void registration_failed(const Status& /*problem*/) {}  // the same problem again is not told; kInvalid: refused
};

WorkerEvents& no_worker_events();  // drops everything: for tests

}  // namespace forebay::worker
