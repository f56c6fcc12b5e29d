#include <utility>

#include "master/master.h"
#include "role.h"
#include "watched_store.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;

class MasterRole final : public Role {
 public:
  MasterRole(os::Env& env, master::MasterConfig config, master::OpenStore open, obs::Log& log)
      : master_(env, std::move(config), std::move(open), env.blocking, {env.blocking}, log, master::no_events()) {}
  master::Master& master() { return master_; }
  Task<void> stop() override { return master_.stop(); }

 private:
  master::Master master_;
};

}  // namespace

Task<Result<std::unique_ptr<Role>>> start_master(os::SimProcess* process, os::SeamWatch* watch,
                                                 std::shared_ptr<kv::MemoryDisk> disk, obs::Log* log, const Scenario* scenario) {
  master::MasterConfig config;
  config.listen = {{.host = "0.0.0.0", .port = kMasterPort}};
  config.durability = scenario->durability;
  config.reclaim.orphans_every = seconds(30);
  auto open = [disk, watch]() -> Result<std::unique_ptr<kv::Store>> {
    ASSIGN_OR_RETURN(std::unique_ptr<kv::Store> store, disk->open());
    return std::make_unique<WatchedStore>(std::move(store), *watch);
  };
  auto role = std::make_unique<MasterRole>(process->env(), std::move(config), std::move(open), *log);
  Result<void> started = co_await role->master().start();
  if (started) co_return role;
  co_await role->stop();
  co_return std::unexpected(std::move(started).error());
}

}  // namespace forebay::cluster
