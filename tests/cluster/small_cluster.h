// A master, two workers and two clients that nothing happens to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "client/client.h"
#include "kv/memory_store.h"
#include "master/master.h"
#include "obs/log.h"
#include "os/simulation.h"
#include "worker/worker.h"

namespace forebay::cluster {

// How the clients of a cluster write.
struct ClientWays {
  uint64_t inline_bytes = 0;
  std::optional<client::MultipartUpload> multipart_upload;
  bool stages = false;  // programs ask for staged objects; a client without a worker on its host gets none
};

// Real roles in a simulated world. Client 0 shares its host with worker 0 and writes by descriptor, client 1 streams. Objects are
// small, so that files have many. One thread.
class SmallCluster {
 public:
  using Logs = std::function<obs::Log&(const std::string& role)>;  // "master", "worker h0", "client h1"
  explicit SmallCluster(
      uint64_t seed, Logs logs = [](const std::string&) -> obs::Log& { return obs::null_log(); }, ClientWays ways = {});
  ~SmallCluster();
  Result<void> start();
  void stop();  // everything closed, ended, destroyed
  void kill_master();
  Result<void> start_master();

  client::Client& client(size_t index) { return *clients_[index]; }
  size_t clients() const { return clients_.size(); }
  const ClientWays& ways() const { return ways_; }
  os::SimWorld& world() { return world_; }
  uint64_t objects() const;  // at all workers
  worker::Worker& worker(size_t index) { return *workers_[index].worker; }
  Result<std::vector<std::string>> check();  // after stop(): what is wrong with the master's metadata

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world_.complete(std::move(task), std::chrono::hours(1));
    FOREBAY_CHECK(result.has_value(), "an operation does not end");
    return *std::move(result);
  }

 private:
  struct WorkerHost {
    std::shared_ptr<os::SimProcess> process;
    std::unique_ptr<worker::Worker> worker;
  };
  Result<void> start_worker(const std::string& host);
  Result<void> start_client(const std::string& host);
  static Task<bool> stop_all(SmallCluster* cluster);

  const Logs logs_;
  const ClientWays ways_;
  os::SimWorld world_;
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();  // shared with the master's store
  std::shared_ptr<os::SimProcess> master_process_;
  std::unique_ptr<master::Master> master_;
  std::vector<WorkerHost> workers_;
  std::vector<std::shared_ptr<os::SimProcess>> client_processes_;
  std::vector<std::unique_ptr<client::Client>> clients_;
};

}  // namespace forebay::cluster
