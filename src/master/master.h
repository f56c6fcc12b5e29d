// The master: all metadata of a cluster.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/status.h"
#include "journal/journal.h"
#include "kv/store.h"
#include "master/admin/admin_service.h"
#include "master/cluster/cluster_service.h"
#include "master/cluster/intake.h"
#include "master/cluster/worker_watch.h"
#include "master/commit_loop.h"
#include "master/driver.h"
#include "master/events.h"
#include "master/evict/evictor.h"
#include "master/outcomes.h"
#include "master/persist/census.h"
#include "master/persist/fetch_queue.h"
#include "master/persist/intent_queue.h"
#include "master/persist/mapping_watch.h"
#include "master/reclaim/reclaimer.h"
#include "master/scan_starts.h"
#include "master/sessions/session_service.h"
#include "master/ttl/expiry.h"
#include "obs/call_log.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/server.h"

namespace forebay::master {

struct MasterConfig {
  std::vector<os::Address> listen;                        // port 0: any
  std::string version;                                    // of the program, for reports
  v1::Durability durability = v1::DURABILITY_PAGE_CACHE;  // of calls that do not say
  SessionTableConfig sessions;                            // with the lease
  WorkerTableConfig workers;
  ClusterConfig cluster;
  CommitLoopConfig commit;
  ReclaimerConfig reclaim;
  EvictorConfig evict;
  IntakeConfig intake;
  ExpiryConfig expiry;
  PersistConfig persistence;
  NameLeasesConfig names;
  MappingWatchConfig mapping;
  size_t inline_max = 64 * kKiB;  // bytes of content that a commit may have kept with the metadata, at most so many; 0: none
  Duration persist_census{};      // between two counts of what waits for the under store; 0: none
  rpc::ServerConfig server;
};

// Opens the metadata, which this master then owns until stop(); blocks.
using OpenStore = std::function<Result<std::unique_ptr<kv::Store>>()>;

// Builds and owns everything of the role. Owned by main() or a test; Env, log and events outlive it, and so do the executors,
// each single-threaded: `commit` runs the commit loop (a thread of its own in production), the others the connections, the first
// of them also what the master does by itself. start() once, stop() once before destruction, both on the first of them. An empty
// store is formatted: cluster id and root directory. After a start that failed, stop() is to be called all the same.
class Master {
 public:
  Master(os::Env& env, MasterConfig config, OpenStore open_store, async::Executor commit, std::vector<async::Executor> executors,
         obs::Log& log, MasterEvents& events);
  ~Master();

  // `invalid`: an address in use, or what open_store says; `corrupt`: metadata that does not parse, or is of a newer format.
  Task<Result<void>> start();
  Task<void> stop();

  const std::vector<os::Address>& addresses() const { return addresses_; }  // with the real ports
  const std::string& cluster() const { return cluster_; }
  const rpc::Router& router() const { return router_; }  // for calls without a network
  Result<void> accepts_changes() const;                  // why not: a full disk, a broken journal

 private:
  Task<Result<void>> open();
  Result<void> load();
  void build();
  void bind_operations();
  Result<void> listen();

  os::Env& env_;
  const MasterConfig config_;
  const OpenStore open_store_;
  const async::Executor commit_executor_;
  const std::vector<async::Executor> executors_;
  obs::Log& log_;
  MasterEvents& events_;
  obs::CallLog call_log_;
  std::string cluster_;
  std::vector<os::Address> addresses_;
  os::Instant opened_{};  // no master before this one is at work any more
  bool started_ = false;

  // In the order in which they are built; stop() goes the other way.
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<Persistence> persistence_;
  std::unique_ptr<journal::Journal> journal_;
  SessionTable session_table_;
  WorkerTable worker_table_;
  OutcomeTable outcomes_;
  ScanStarts scan_starts_;
  std::unique_ptr<FetchQueue> fetch_queue_;
  std::unique_ptr<NameLeases> names_;
  std::unique_ptr<IntentQueue> intent_queue_;
  std::unique_ptr<CommitLoop> loop_;
  std::unique_ptr<Reclaimer> reclaimer_;
  AccessTable accesses_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Evictor> evictor_;
  std::unique_ptr<Expiry> expiry_;
  rpc::Router router_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<SessionService> sessions_;
  std::unique_ptr<ClusterService> cluster_service_;
  std::unique_ptr<WorkerWatch> worker_watch_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<MappingWatch> mapping_watch_;
  std::unique_ptr<Census> census_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace forebay::master
