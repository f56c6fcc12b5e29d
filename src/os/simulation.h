// A world of simulated hosts: one thread, virtual time, one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "os/descriptor_table.h"
#include "os/env.h"
#include "os/faulty_file.h"
#include "os/faulty_net.h"
#include "os/history.h"
#include "os/link_policy.h"
#include "os/memory_disk.h"
#include "os/memory_file.h"
#include "os/memory_net.h"
#include "os/seam_watch.h"
#include "os/sim_clock.h"
#include "os/sim_random.h"
#include "os/virtual_time.h"

namespace forebay::os {

struct WorldConfig {
  uint64_t seed = 1;
  MemoryDiskConfig disk;
  MemoryNetConfig net;
  LinkSettings links;
  Duration timer_jitter = std::chrono::microseconds(50);
  uint64_t turns_per_moment = 2'000'000;  // more handlers without time going on are a livelock: the run ends there
};

class SimWorld;

// A machine: a name on the network, a disk, a clock that may be wrong. Owned by the world.
class SimHost {
 public:
  SimHost(std::string name, MemoryDiskConfig disk, std::shared_ptr<DescriptorTable> descriptors)
      : name_(std::move(name)), disk_(disk, std::move(descriptors)) {}
  const std::string& name() const { return name_; }
  MemoryDisk& disk() { return disk_; }
  ClockSkew skew;  // of processes started from now on
  // As real_host_id(): the same for all processes of this host, another one after each power cut.
  std::string boot_id() const { return name_ + " boot " + std::to_string(boots_); }

 private:
  friend class SimWorld;
  const std::string name_;
  uint64_t boots_ = 1;
  MemoryDisk disk_;
};

// One process: its Env, which everything of the role hangs on. crash() is SIGKILL as seen from outside: from that moment nothing
// the role does reaches files or network, locks are released, peers see closed connections. The role's objects live on and have
// to be stopped and destroyed by their owner, who owns this too and keeps it longer; what they do meanwhile changes nothing.
class SimProcess {
 public:
  SimProcess(SimWorld& world, SimHost& host, const std::string& name, uint64_t incarnation, SeamWatch* watch);
  Env& env() { return env_; }
  SimHost& host() { return host_; }
  void crash() { die(false); }
  bool is_dead() const { return dead_; }

 private:
  friend class SimWorld;
  // Counts, records and asks the test's watch, if there is one.
  class Watch final : public SeamWatch {
   public:
    Watch(SimWorld& world, std::string name, SeamWatch* test) : world_(world), name_(std::move(name)), test_(test) {}
    SeamFate before(const SeamCall& call) override;

   private:
    SimWorld& world_;
    const std::string name_;
    SeamWatch* const test_;
  };
  void die(bool silently);

  SimHost& host_;
  Watch watch_;
  SimClock clock_;
  SimRandom random_;
  MemoryFileSystem files_;
  FaultyFileSystem faulty_files_;
  MemoryNetwork network_;
  FaultyNetwork faulty_network_;
  Env env_;
  bool dead_ = false;
};

// Owns time, wires, hosts and the loop that runs every coroutine of every role. Nothing in it depends on real time, addresses of
// objects or threads: the same seed and the same calls give the same history() digest. Everything started in it has to be stopped
// before it is destroyed. One thread.
class SimWorld {
 public:
  explicit SimWorld(WorldConfig config);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  async::Executor executor() const { return loop_.executor(); }
  SimHost& host(const std::string& name);  // made when first asked for
  std::shared_ptr<SimProcess> start_process(const std::string& host, const std::string& name, SeamWatch* watch = nullptr);

  // The machine loses power, and has it again at once: all its processes die silently, and its disk keeps what PagedContent says.
  void power_cut(const std::string& host);
  // The same without coming back, until power_on().
  void power_off(const std::string& host);
  void power_on(const std::string& host);

  VirtualTime& time() { return time_; }
  SimLinks& links() { return links_; }
  MemoryWires& wires() { return wires_; }
  History& history() { return history_; }
  DescriptorTable& descriptors() { return *descriptors_; }
  SimRandom random(std::string_view label) const { return random_.split(label); }

  // Runs until `condition` holds (asked after each turn of the loop); false when `limit` of virtual time passed, nothing is left
  // to happen, or the world is in a livelock.
  bool run_until(const std::function<bool()>& condition, Duration limit);
  void run_for(Duration time);
  // Runs a task to its end; nullopt as run_until's false.
  template <class T>
  std::optional<T> complete(Task<T> task, Duration limit) {
    auto slot = std::make_shared<async::detail::Slot<T>>();
    async::spawn_detached(executor(), async::detail::fill<T>(std::move(task), slot, [] {}));
    if (!run_until([&] { return slot->value.has_value(); }, limit)) return std::nullopt;
    return std::move(slot->value);
  }

 private:
  friend class SimProcess;
  bool run_ready();  // false: livelock

  const WorldConfig config_;
  async::ManualLoop loop_;
  const SimRandom random_;
  History history_;
  VirtualTime time_;
  SimLinks links_;
  std::shared_ptr<DescriptorTable> descriptors_ = std::make_shared<DescriptorTable>();
  MemoryWires wires_;
  std::map<std::string, std::unique_ptr<SimHost>> hosts_;
  std::vector<std::weak_ptr<SimProcess>> processes_;
  uint64_t incarnations_ = 0;
};

}  // namespace forebay::os
