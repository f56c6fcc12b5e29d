// The coordinator: has workers do what the master's intents ask for.
#pragma once

#include <memory>

#include "coordinator/events.h"
#include "coordinator/jobs/dispatcher.h"
#include "coordinator/jobs/fetcher.h"
#include "coordinator/ops/operations.h"
#include "kv/store.h"
#include "obs/call_log.h"

namespace forebay::coordinator {

// Builds and owns everything of the role. Owned by main() or a test; Env, log and events outlive it, and so does the executor
// (single-threaded: everything runs on it, but for the store's writes). start() once, stop() once before destruction, on the
// executor. It keeps nothing that cannot be found again: the queue and the operations are the master's, its own store only says
// which worker has which of them. After a crash at any step the next start goes on.
class Coordinator {
 public:
  using OpenStore = std::function<Result<std::unique_ptr<kv::Store>>()>;
  Coordinator(os::Env& env, CoordinatorConfig config, OpenStore open_store, async::Executor executor, obs::Log& log,
              CoordinatorEvents* events);
  ~Coordinator();

  // `invalid`: an address in use, or what open_store says. Waits for a master, as long as it takes; `cancelled`: stopped
  // meanwhile.
  Task<Result<void>> start();
  Task<void> stop();

  const os::Address& address() const { return address_; }  // with the real port
  size_t jobs() const { return jobs_ ? jobs_->size() : 0; }

 private:
  Result<void> listen();
  static Task<void> keep_pace(Coordinator* self, std::stop_token stop);

  os::Env& env_;
  const CoordinatorConfig config_;
  const OpenStore open_store_;
  const async::Executor executor_;
  obs::Log& log_;
  CoordinatorEvents* const events_;  // may be null
  obs::CallLog call_log_;

  // In the order in which they are built; stop() goes the other way.
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<MasterSession> master_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<JobTable> jobs_;
  std::unique_ptr<TaskStore> tasks_;
  std::unique_ptr<Breakers> breakers_;
  std::unique_ptr<Mounts> mounts_;
  std::unique_ptr<MasterCalls> calls_;
  PaceCount pace_;
  std::unique_ptr<Operations> operations_;
  rpc::Router router_;
  std::unique_ptr<rpc::Server> server_;
  os::Address address_;
  async::Scope scope_;
  std::unique_ptr<Runner::Parts> parts_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Fetcher> fetcher_;
};

}  // namespace forebay::coordinator
