// A cluster that persists to a store in memory, each of its processes killed when a test says so.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "client/client.h"
#include "coordinator/coordinator.h"
#include "inline_setting.h"
#include "kv/memory_store.h"
#include "master/master.h"
#include "os/simulation.h"
#include "ufs/faulty_store.h"
#include "ufs/memory_store.h"
#include "worker/worker.h"

namespace forebay::cluster {

struct PersistClusterConfig {
  uint64_t seed = 1;
  size_t clients = 1;
  std::string policies = R"("onDelete": "delete")";  // of the mapping /c → /ufs/k
  bool is_nas = false;
  ufs::StoreFaults* faults = nullptr;                // of every worker's store
  uint64_t block_bytes = 64 * kKiB;                  // what comes back at a time
  Duration patience = std::chrono::seconds(60);      // of the client
  uint64_t quota_bytes = 900 * kMiB;                 // of a worker's tier
  uint64_t inline_bytes = inline_bytes_of_test();    // of the client
  uint32_t page = 256;                               // of the coordinator's lists
  Duration interval = std::chrono::seconds(1);       // of the coordinator's looks at the queue
  uint64_t small_bytes = 64 * kKiB;                  // longer ones are uploaded in parts of 16 KiB
  std::optional<ufs::Limits> limits;                 // of the bucket
  double slow_from = 0.95;                           // the workers' high watermark, and where writers are slowed
  Duration longest_pause = std::chrono::seconds(5);  // of the client, then
  bool has_conditions = true;                        // of the bucket: else it ignores them, and only uploads can be fenced
  obs::Log* log = &obs::null_log();                  // of all roles; outlives the cluster
};

// A master, two workers, a coordinator and a client, real roles in a simulated world; a bucket below. A killed role's process is
// dead at once, its objects are buried in the background, and it comes back on its disk. One thread.
class PersistCluster {
 public:
  explicit PersistCluster(PersistClusterConfig config);
  ~PersistCluster();
  Result<void> start();
  void stop();

  // -- files of /c, by their name --
  Result<void> write(const std::string& name, const std::string& content);
  Result<void> rename(const std::string& from, const std::string& to);
  Result<void> unlink(const std::string& name);
  Result<v1::Attr> attr(const std::string& name);
  Result<void> patch(const std::string& name, const std::string& content, uint64_t offset);  // leaves the rest as it is
  Result<void> truncate(const std::string& name, uint64_t size);
  Result<void> link(const std::string& from, const std::string& to);
  Result<std::string> read(const std::string& name, uint64_t offset = 0, size_t length = 100'000'000);
  // The same beside other things; `into` outlives it.
  void begin_read(const std::string& name, std::optional<Result<std::string>>* into);
  Result<uint64_t> free(const std::string& name, bool force = false);  // all of it; bytes that left
  Result<v1::Attr> set_pinned(InodeId inode, bool pinned) { return run(clients_[0]->set_pinned({}, inode, pinned)); }
  std::map<uint64_t, uint64_t> copies(const std::string& name);  // worker → objects; 0: without any
  InodeId directory() const { return directory_; }
  client::Client& client(size_t index = 0) { return *clients_[index]; }

  // -- deaths; each process is started again after `down` --
  enum class Victim : uint8_t { kMaster, kWorker0, kWorker1, kCoordinator };
  void kill(Victim victim, Duration down = std::chrono::seconds(1));
  void cut_power(Victim worker);  // of its machine: what was not synced there may be gone

  // Runs until nothing is to be done any more. False: after `limit` something still is.
  bool settle(Duration limit = std::chrono::hours(2));
  bool is_burying() const { return burying_ != 0; }
  Result<v1::PersistStatusReply> status();

  ufs::MemoryBucket& bucket() { return bucket_; }
  os::Clock& client_clock() { return client_process_->env().clock; }
  os::SimWorld& world() { return world_; }
  coordinator::Coordinator* coordinator() { return coordinator_.get(); }
  // Successful writes that made this key visible.
  size_t published(const std::string& key) const;

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world_.complete(std::move(task), std::chrono::hours(10));
    FOREBAY_CHECK(result.has_value(), "an operation does not end");
    return *std::move(result);
  }
  template <class M>
  Result<typename M::Reply> ask_master(typename M::Request request) {
    return run(operator_->call<M>(std::move(request), {}));
  }

 private:
  struct Place {
    std::string host;
    std::shared_ptr<os::SimProcess> process;  // shared with the burial of its role
    bool starting = false;
  };
  static Task<Result<std::string>> read_all(PersistCluster* cluster, std::string name, uint64_t offset, size_t length);
  static Task<void> read_into(PersistCluster* cluster, std::string name, std::optional<Result<std::string>>* into);
  Result<std::unique_ptr<client::File>> open_for_writing(const std::string& name);
  Task<Result<void>> start_role(Victim victim);
  Task<Result<void>> start_master(os::Env& env);
  Task<Result<void>> start_worker(os::Env& env, size_t index);
  Task<Result<void>> start_coordinator(os::Env& env);
  Result<void> map();
  void bury(Victim victim, Duration down);
  static Task<void> bury_and_restart(PersistCluster* cluster, Victim victim, Duration down);
  static Task<bool> stop_all(PersistCluster* cluster);
  ufs::StoreOpener opener(os::Env& env, size_t worker);

  const PersistClusterConfig config_;
  os::SimWorld world_;
  ufs::MemoryBucket bucket_;
  std::shared_ptr<kv::MemoryDisk> master_disk_ = kv::MemoryDisk::create();       // shared with the stores opened on it
  std::shared_ptr<kv::MemoryDisk> coordinator_disk_ = kv::MemoryDisk::create();  // likewise
  std::vector<std::shared_ptr<os::SimProcess>> all_processes_;                   // stores go on using the clocks of dead ones
  std::vector<Place> places_;                                                    // by Victim
  std::unique_ptr<master::Master> master_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  std::unique_ptr<coordinator::Coordinator> coordinator_;
  std::shared_ptr<os::SimProcess> client_process_, operator_process_;
  std::vector<std::unique_ptr<client::Client>> clients_;
  coordinator::CoordinatorConfig operator_config_;
  std::unique_ptr<coordinator::MasterSession> operator_;
  std::vector<std::unique_ptr<ufs::MemoryStore>> inner_stores_;  // of faulty ones: they may be used late
  std::vector<std::shared_ptr<ufs::FaultyStore>> kept_faulty_;   // shared with the worker's cache of stores
  InodeId directory_;
  size_t burying_ = 0;
  bool over_ = false;
};

}  // namespace forebay::cluster
