// Workers' side of the master: registration, inventory, heartbeats.
#pragma once

#include <string>

#include "forebay/v1/cluster.rpc.h"
#include "master/cluster/worker_table.h"
#include "master/commit_loop.h"
#include "master/scan_starts.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/server.h"

namespace forebay::master {

struct ClusterConfig {
  Duration heartbeat = std::chrono::seconds(1);
  size_t max_duties = 1'000;      // in one reply
  size_t inventory_step = 1'000;  // objects that differ, taken in by one step of the commit loop, so that others get their turn
  size_t max_inventory_page = 10'000;  // also records that are compared at a time
};

// Serves ClusterService. What is durable goes through the commit loop in bounded steps; what is not is in the WorkerTable. Owned
// by the Master; everything referenced outlives it. Handlers run on the connections' executors, many at a time.
class ClusterService {
 public:
  ClusterService(os::Env& env, obs::Log& log, const kv::Reader& store, CommitLoop& loop, ScanStarts& starts, WorkerTable& table,
                 MasterEvents& events, std::string cluster_id, ClusterConfig config);

  Result<void> load();  // known workers, from the store; before serve()
  void serve(rpc::Router& router);

 private:
  using Registered = Result<rpc::Answer<v1::RegisterWorkerReply>>;
  using Inventoried = Result<rpc::Answer<v1::ReportInventoryReply>>;
  using Beaten = Result<rpc::Answer<v1::WorkerHeartbeatReply>>;
  static Task<Registered> register_worker(ClusterService* self, rpc::Call call, v1::RegisterWorkerRequest request);
  static Task<Inventoried> report_inventory(ClusterService* self, rpc::Call call, v1::ReportInventoryRequest request);
  static Task<Beaten> heartbeat(ClusterService* self, rpc::Call call, v1::WorkerHeartbeatRequest request);

  static Task<Result<void>> compare_page(ClusterService* self, WorkerId worker, const v1::ReportInventoryRequest* page,
                                         uint64_t first_new, os::Instant deadline);
  Result<void> check_identity(const v1::RegisterWorkerRequest& request) const;
  void count_workers();

  os::Env& env_;
  obs::Log& log_;
  const kv::Reader& store_;
  CommitLoop& loop_;
  ScanStarts& starts_;
  WorkerTable& table_;
  MasterEvents& events_;
  const std::string cluster_id_;
  const ClusterConfig config_;
};

}  // namespace forebay::master
