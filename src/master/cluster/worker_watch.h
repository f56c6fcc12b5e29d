// Who asks for the workers, and who is told when they come and go.
#pragma once

#include <map>
#include <string>

#include "async/sync.h"
#include "forebay/v1/namespace.pb.h"
#include "kv/store.h"
#include "master/cluster/worker_table.h"
#include "master/events.h"
#include "obs/log.h"
#include "rpc/server.h"

namespace forebay::master {

// Answers GetWorkers and StatFs. Every `interval` looks at the table and says, once, which worker is live, registering or lost
// now: a worker is lost by silence, so no message tells. Owned by the Master. Handlers run on the connections' executors, the
// watch on one executor. stop() before destruction.
class WorkerWatch {
 public:
  struct Parts {
    const kv::Reader& store;
    os::Clock& clock;
    obs::Log& log;
    MasterEvents& events;
    const WorkerTable& table;
    Duration interval;
  };
  WorkerWatch(Parts parts, async::Executor executor) : parts_(parts), scope_(std::move(executor)) {}

  void bind(rpc::Router& router);
  void start() { scope_.spawn(watch(this, scope_.token())); }
  Task<void> stop() { return scope_.stop(); }

 private:
  Result<v1::StatFsReply> stat_fs() const;
  static Task<void> watch(WorkerWatch* self, std::stop_token stop);
  void tell_changes();

  const Parts parts_;
  async::Scope scope_;
  std::map<uint64_t, std::string> told_;  // worker → state
};

}  // namespace forebay::master
