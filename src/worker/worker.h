// The worker: takes and serves bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "base/status.h"
#include "obs/call_log.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/server.h"
#include "worker/duties.h"
#include "worker/master_link.h"
#include "worker/ops/operations.h"
#include "worker/persist/task_table.h"
#include "worker/registration.h"
#include "worker/scrubber.h"
#include "worker/store/object_store.h"
#include "worker/under/under_changes.h"
#include "worker/under/under_paths.h"
#include "worker/under/under_uploads.h"
#include "worker/worker_events.h"
#include "worker/writers.h"

namespace forebay::worker {

struct WorkerConfig {
  os::Address listen;           // for everybody; port 0: any
  std::string advertised_host;  // what others reach this host by; empty: the one listened on
  os::Address unix_listen;      // for clients on this host; empty path: none, and no descriptors are passed
  std::vector<os::Address> masters;
  StoreConfig store;
  rpc::ServerConfig server;
  DutiesConfig duties;
  RegistrationConfig registration;  // its address is filled in
  ScrubConfig scrub;
  PersistConfig persist;
  std::string host_file;  // see Writers; empty: none
  PageStoreConfig pages;
  Duration housekeeping = std::chrono::seconds(1);
  size_t inline_bytes = 64 * kKiB;  // smaller writes to a disk tier stay on the connection's thread
};

// Builds and owns everything of the role. Owned by main() or a test; Env, log and events outlive it, and so do the executors
// (each single-threaded; the first one also runs what the worker does by itself). start() once, stop() once before destruction,
// on the first executor. After start() bytes are served whether or not a master can be reached; after stop() nothing of it runs.
class Worker {
 public:
  Worker(os::Env& env, WorkerConfig config, std::vector<async::Executor> executors, obs::Log& log, WorkerEvents& events,
         rpc::ServerEvents* server_events);
  ~Worker();

  // `invalid`: an address in use, directories that cannot be used; nothing is left running then.
  Task<Result<void>> start();
  Task<void> stop();

  const os::Address& address() const { return address_; }  // with the real port
  bool is_registered() const { return registration_ && registration_->is_registered(); }
  ObjectStore& store() { return *store_; }
  Writers& writers() { return *writers_; }

 private:
  Task<Result<void>> open_store();
  void build_under_paths();
  Task<void> stop_under_paths();
  Result<void> listen();
  void start_background();
  static Task<void> keep_house(Worker* self, std::stop_token stop);

  os::Env& env_;
  const WorkerConfig config_;
  const std::vector<async::Executor> executors_;
  obs::Log& log_;
  WorkerEvents& events_;
  obs::CallLog call_log_;

  // In the order in which they are built; stop() goes the other way.
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<Writers> writers_;
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<TaskTable> tasks_;  // null: it takes none
  // Of paths below mount points; null with it.
  std::unique_ptr<UnderMounts> under_mounts_;
  std::unique_ptr<PageStore> pages_;
  std::unique_ptr<UnderPaths> under_paths_;
  std::unique_ptr<UnderUploads> under_uploads_;
  std::unique_ptr<UnderChanges> under_changes_;
  rpc::Router router_;
  std::unique_ptr<rpc::Server> server_;
  os::Address address_;
  async::Scope scope_;
  std::unique_ptr<MasterLink> masters_;
  std::unique_ptr<Duties> duties_;
  std::unique_ptr<Registration> registration_;
  std::unique_ptr<Scrubber> scrubber_;
};

}  // namespace forebay::worker
