// Which worker has which operation, for the next start of the coordinator.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "async/sync.h"
#include "forebay/v1/coordinator.pb.h"
#include "kv/store.h"
#include "os/env.h"

namespace forebay::coordinator {

// Records of operations that a worker may have at hand, in a key-value store (docs/formats/coordinator.md). A record is there
// before its worker hears of the operation, and until the master has its outcome. They are hints for a quicker continuation: lost
// ones cost the rest of a lease, never correctness, so nothing is synced. Owned by the coordinator; Env and store outlive it. On
// one executor; writes go to the blocking one.
class TaskStore {
 public:
  TaskStore(os::Env& env, kv::Store& store) : env_(env), store_(store) {}

  Result<std::map<uint64_t, v1::TaskRecord>> load() const;
  Task<Result<void>> put(uint64_t operation, v1::TaskRecord record);
  Task<Result<void>> erase(uint64_t operation);

 private:
  struct Waiting {
    kv::WriteBatch batch;
    std::shared_ptr<async::OneShot<Result<void>>> written;  // shared with the coroutine that waits
  };
  Task<Result<void>> write(kv::WriteBatch batch);
  Task<void> write_waiting();

  os::Env& env_;
  kv::Store& store_;
  async::Mutex writing_;
  std::vector<Waiting> waiting_;
};

}  // namespace forebay::coordinator
