// Which store is mounted where, for reads below mount points.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/sync.h"
#include "worker/master_link.h"
#include "worker/persist/under_stores.h"

namespace forebay::worker {

// What the master says of a mount, asked again when it is older than 5 s; while no master answers, what was known is used for up
// to 5 minutes. Stores are opened as UnderStores does, but never follow symbolic links of a NAS. Owned by the worker; Env
// outlives it. On one executor. Limit: as many mounts as the master has.
class UnderMounts {
 public:
  UnderMounts(os::Env& env, ufs::StoreOpener open, const std::vector<os::Address>& masters, async::Executor executor)
      : env_(env), stores_(env, std::move(open)), masters_(env, masters, std::move(executor)) {}

  struct Mounted {
    std::shared_ptr<ufs::UnderStore> store;  // shared with calls at work
    std::string path;                        // in the namespace, for messages
    std::string name;                        // of the store, for pages: URI and endpoint
    bool read_only = false;
  };
  // ESTALE as `rejected`: there is no such mount (any more).
  Task<Result<Mounted>> get(uint64_t mount, ufs::Call call);
  Task<void> stop() { return masters_.stop(); }

 private:
  struct Known {
    v1::Mount mount;
    os::Instant asked{};
  };
  Task<Result<v1::Mount>> record(uint64_t mount);

  os::Env& env_;
  UnderStores stores_;
  MasterLink masters_;
  async::Mutex asking_;
  std::map<uint64_t, Known> known_;
};

}  // namespace forebay::worker
