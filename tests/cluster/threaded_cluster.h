// A cluster in one process on real threads, sockets and files: for the thread sanitizer, which sees nothing in a simulation.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "async/loop.h"
#include "client/client.h"
#include "coordinator/coordinator.h"
#include "kv/memory_store.h"
#include "master/master.h"
#include "os/env.h"
#include "worker/worker.h"

namespace forebay::cluster {

inline const client::Identity kSuperuser;

struct ThreadedClusterConfig {
  bool short_circuit = true;  // whether the client uses descriptors
  bool persists = false;      // with a coordinator; the directory /c goes to one of this host's
};

// Master, one worker and one client, each with two threads of its own for connections, as in production; a coordinator, which has
// one. start() once; the destructor stops what was started. run() from any thread.
class ThreadedCluster {
 public:
  explicit ThreadedCluster(ThreadedClusterConfig config);
  ~ThreadedCluster();
  Result<void> start();

  // On one of the client's threads.
  template <class T>
  T run(size_t thread, Task<T> task) {
    return async::block_on((thread % 2 == 0 ? client_one_ : client_two_).executor(), std::move(task));
  }
  client::Client& client() { return *client_; }
  std::string under_directory() const { return directory_ + "/under"; }  // what /c goes to

 private:
  Result<void> start_master();
  Result<void> start_worker();
  Result<void> start_client();
  Result<void> start_persistence();
  static Task<bool> done(Task<void> task);
  static void finish(async::Loop& loop, Task<void> task);

  const ThreadedClusterConfig config_;
  std::string directory_;
  std::shared_ptr<kv::MemoryDisk> master_disk_ = kv::MemoryDisk::create();       // shared with the store opened on it
  std::shared_ptr<kv::MemoryDisk> coordinator_disk_ = kv::MemoryDisk::create();  // likewise
  async::Loop blocking_{"blocking", 4}, commit_{"commit"}, coordinating_{"coordinator"};
  async::Loop master_one_{"master 1"}, master_two_{"master 2"}, worker_one_{"worker 1"}, worker_two_{"worker 2"};
  async::Loop client_one_{"client 1"}, client_two_{"client 2"};
  os::Env env_;
  std::unique_ptr<master::Master> master_;
  std::unique_ptr<worker::Worker> worker_;
  std::unique_ptr<coordinator::Coordinator> coordinator_;
  std::unique_ptr<client::Client> client_;
};

// What program(0), program(1), … say is wrong, each on a thread of its own; "" when nothing is.
template <class Program>
std::vector<std::string> run_threads(size_t count, Program program) {
  std::vector<std::string> wrong(count);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) threads.emplace_back([&, i] { wrong[i] = program(i); });
  for (std::thread& thread : threads) thread.join();
  return wrong;
}

}  // namespace forebay::cluster
