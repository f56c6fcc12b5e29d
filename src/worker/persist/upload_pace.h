// Uploads leave room for clients that write.
#pragma once

#include "worker/persist/token_bucket.h"
#include "worker/store/object_store.h"
#include "worker/writers.h"

namespace forebay::worker {

// While clients write on this host, uploads of this worker go at so many bytes a second, no less if the store takes them: the
// rest of what both want, processors, memory, network and disk, is the writers', who wait. Not so while a path of the worker is
// above its high watermark: then the writers wait for what is uploaded. 0, or nobody to ask for writers: never. Owned by the
// worker's tasks; what it refers to outlives it. On one executor.
class UploadPace {
 public:
  UploadPace(os::Clock& clock, ObjectStore& objects, Writers* writers, uint64_t bytes_per_second)
      : objects_(objects),
        writers_(writers),
        is_on_(writers != nullptr && bytes_per_second != 0),
        bucket_(clock, bytes_per_second, kBurst) {}
  // Waits until `bytes` may go; false: the token ended the wait.
  Task<bool> take(uint64_t bytes, std::stop_token stop);

 private:
  static constexpr Duration kBurst = std::chrono::milliseconds(10);
  bool is_slowed() const;

  ObjectStore& objects_;
  Writers* const writers_;
  const bool is_on_;
  TokenBucket bucket_;
};

}  // namespace forebay::worker
