// How a worker is known to the master: registration, inventory, heartbeats.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "async/task.h"
#include "forebay/v1/cluster.pb.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/retry.h"
#include "worker/duties.h"
#include "worker/master_link.h"
#include "worker/store/object_store.h"
#include "worker/worker_events.h"

namespace forebay::worker {

struct RegistrationConfig {
  v1::WorkerAddress address;                     // without the id
  Duration heartbeat = std::chrono::seconds(1);  // until the master names another
  rpc::Backoff retry{.first = std::chrono::milliseconds(100), .most = std::chrono::seconds(5)};
  size_t inventory_page = 10'000;  // objects in one message
  size_t max_damaged = 1'000;      // copies reported in one heartbeat
};

// Registers, reports what is stored, then beats; `stale` starts over. While no master answers it keeps trying, and the worker
// goes on serving bytes. What a heartbeat reports is reported again until one was answered. A refusal (another cluster's
// directory, an id in use) is logged with the master's words and tried again: an operator may mend it at the master. Owned by the
// worker; all references outlive it. run() is one coroutine on the worker's executor.
class Registration {
 public:
  Registration(os::Env& env, ObjectStore& store, MasterLink& masters, Duties& duties, RegistrationConfig config, obs::Log& log,
               WorkerEvents& events);

  Task<void> run(std::stop_token stop);
  bool is_registered() const { return is_registered_; }  // any thread

 private:
  Task<Result<void>> begin();
  Task<Result<void>> adopt(v1::RegisterWorkerReply reply);
  Task<Result<void>> report_inventory();
  Task<Result<bool>> beat();  // true: the master has more to tell
  Task<void> beat_until_refused(std::stop_token stop);
  Task<bool> pause(Duration duration, std::stop_token stop);
  void tell(const Status& problem);
  void set_registered(bool now);
  void answered_again();
  void add_tiers(google::protobuf::RepeatedPtrField<v1::TierSpace>& tiers) const;

  os::Env& env_;
  ObjectStore& store_;
  MasterLink& masters_;
  Duties& duties_;
  const RegistrationConfig config_;
  obs::Log& log_;
  WorkerEvents& events_;
  const uint64_t start_nonce_;
  uint64_t worker_ = 0, registration_ = 0;
  Duration heartbeat_;
  os::Instant next_beat_{};
  std::atomic<bool> is_registered_ = false;
  std::string told_;        // the last problem logged: the same again is not
  std::stop_source early_;  // ends the present pause
};

}  // namespace forebay::worker
