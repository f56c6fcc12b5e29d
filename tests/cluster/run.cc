#include "run.h"

#include <memory>
#include <vector>

#include "actor.h"
#include "disturber.h"
#include "sim_cluster.h"
#include "stderr_log.h"

namespace forebay::cluster {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// The parts of one run, in the order in which they have to go.
class Run {
 public:
  Run(const Scenario& scenario, uint64_t seed, const RunOptions& options)
      : scenario_(scenario),
        world_({.seed = seed, .disk = {.capacity_bytes = scenario.worker_capacity}, .links = scenario.links}),
        stderr_log_(world_),
        cluster_(world_, scenario, result_.verdict, options.logs ? static_cast<obs::Log&>(stderr_log_) : obs::null_log()),
        disturber_(world_, scenario, cluster_, result_.verdict) {
    if (options.trace) world_.history().listen(options.trace);
    uint32_t number = 0;
    for (RoleSlot* client : cluster_.of_kind("client")) {
      for (uint32_t i = 0; i < scenario.actors_per_client; ++i) {
        actors_.push_back(
            std::make_unique<Actor>(Actor::Parts{world_, scenario_, client->client, result_.verdict, actors_}, number++));
      }
    }
  }

  RunResult run() {
    // Copies that could not be read while a disk failed are back after a restart at the latest.
    const bool restart_first = scenario_.disturbs(Disturbance::Kind::kFileError);
    if (cluster_.start() && work() && (!restart_first || restart()) && audit("after the load") && restart() &&
        audit("after killing everything"))
      remove_all();
    cluster_.stop();
    result_.digest = world_.history().digest();
    result_.events = world_.history().events();
    result_.virtual_time = world_.time().now() - os::VirtualTime::kStart;
    return std::move(result_);
  }

 private:
  bool is_clean() const { return result_.verdict.is_clean(); }

  bool work() {
    for (const auto& actor : actors_) async::spawn_detached(world_.executor(), Actor::run(actor.get()));
    disturber_.start();
    auto finished = [&] { return std::ranges::all_of(actors_, [](const auto& actor) { return actor->has_finished(); }); };
    // Actors that are in trouble do more than wait: while settling they need a cluster that is left in peace.
    const bool done = world_.run_until([&] { return finished() || !is_clean(); }, hours(1));
    if (!disturber_.stop()) return false;
    if (!done && !world_.run_until(finished, hours(2))) {
      for (const auto& actor : actors_) {
        if (!actor->has_finished()) result_.verdict.violation(actor->root() + " hangs: " + actor->doing());
      }
    }
    return is_clean();
  }

  bool wait_until_up() {
    if (world_.run_until([&] { return cluster_.all_up(); }, minutes(10))) return true;
    for (const auto& slot : cluster_.slots()) {
      if (!slot->is_up()) result_.verdict.violation(slot->name + " does not come back");
    }
    return false;
  }

  bool restart() {
    for (const auto& slot : cluster_.slots()) cluster_.kill(*slot);
    world_.run_for(seconds(1));
    for (const auto& slot : cluster_.slots()) cluster_.start_role(*slot);
    return wait_until_up();
  }

  bool audit(const std::string& when) {
    if (!wait_until_up()) return false;
    std::shared_ptr<RunningClient> in = cluster_.of_kind("client").front()->client.current;
    for (const auto& actor : actors_) {
      bool done = false;
      async::spawn_detached(world_.executor(), audit_one(actor.get(), in, when, &done));
      if (!world_.run_until([&] { return done; }, hours(1))) result_.verdict.violation(actor->root() + ": the audit hangs");
    }
    return is_clean();
  }

  static Task<void> audit_one(Actor* actor, std::shared_ptr<RunningClient> in, std::string when, bool* done) {
    co_await Actor::audit(actor, in->client.get(), when);
    *done = true;
  }

  static Task<bool> remove_trees(Run* run, std::shared_ptr<RunningClient> in) {
    for (const auto& actor : run->actors_) {
      Result<void> removed = co_await in->client->remove_tree(kSuperuser, kRootInode, actor->root().substr(1));
      if (!removed) run->result_.verdict.violation("remove " + actor->root() + ": " + removed.error().to_string());
    }
    co_return true;
  }

  // Objects on the workers' disks, by path.
  std::vector<std::string> objects_left() {
    std::vector<std::string> left;
    for (RoleSlot* worker : cluster_.of_kind("worker")) {
      for (const std::string& path : world_.host(worker->host).disk().files()) {
        if (path.find("/objects/") != std::string::npos) left.push_back(worker->name + ":" + path);
      }
    }
    return left;
  }

  void remove_all() {
    if (!world_.complete(remove_trees(this, cluster_.of_kind("client").front()->client.current), hours(1))) {
      return result_.verdict.violation("removing everything hangs");
    }
    if (!is_clean() || world_.run_until([&] { return objects_left().empty(); }, hours(1))) return;
    std::vector<std::string> left = objects_left();
    result_.verdict.violation(std::to_string(left.size()) + " objects are left when everything is removed: " + left.front() +
                              " …");
  }

  const Scenario scenario_;
  RunResult result_;
  os::SimWorld world_;
  StderrLog stderr_log_;
  SimCluster cluster_;
  Disturber disturber_;
  std::vector<std::unique_ptr<Actor>> actors_;
};

}  // namespace

RunResult run_scenario(const Scenario& scenario, uint64_t seed, const RunOptions& options) {
  auto run = std::make_unique<Run>(scenario, seed, options);
  RunResult result = run->run();
  // After a violation coroutines may be parked for ever; their roles' destructors would rightly refuse.
  if (!result.verdict.is_clean()) (void)run.release();
  return result;
}

}  // namespace forebay::cluster
