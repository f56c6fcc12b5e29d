// The stores that this worker's tasks use.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/sync.h"
#include "forebay/v1/persist.pb.h"
#include "os/env.h"
#include "ufs/open.h"

namespace forebay::worker {

// One open store for each mount, opened and, unless the mount says what it can do, probed on first use; opened anew when the
// mount has another URI or other options. After a failure it is not tried for 5 s. Secrets pass through and appear nowhere. Owned
// by the worker's tasks, which share the stores. On one executor.
class UnderStores {
 public:
  UnderStores(os::Env& env, ufs::StoreOpener open) : env_(env), open_(std::move(open)) {}

  Task<Result<std::shared_ptr<ufs::UnderStore>>> get(v1::Mount mount, ufs::Call call);

 private:
  struct Entry {
    async::Mutex mutex;  // one opens
    std::string record;
    std::shared_ptr<ufs::UnderStore> store;  // shared with tasks at work
    std::optional<Status> failure;
    os::Instant retry_at{};
  };
  Task<Result<std::shared_ptr<ufs::UnderStore>>> open(v1::MountRecord record, ufs::Call call);

  os::Env& env_;
  const ufs::StoreOpener open_;
  std::map<uint64_t, std::unique_ptr<Entry>> entries_;  // by mount: as many as the master has
};

}  // namespace forebay::worker
