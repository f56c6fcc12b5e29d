// A cluster that persists, while each of its processes dies at each of its steps towards the store.
#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;
using Victim = PersistCluster::Victim;

// The n-th request to the store, whichever worker makes it, is the last thing that happens before somebody dies.
class KillAt final : public ufs::StoreFaults {
 public:
  explicit KillAt(uint64_t at) : at_(at) {}
  ufs::StoreFault next(const ufs::StoreRequest&) override {
    if (++asked_ == at_ && kill) kill();
    return {};
  }
  bool has_killed() const { return asked_ >= at_; }
  std::function<void()> kill;

 private:
  const uint64_t at_;
  uint64_t asked_ = 0;
};

class PersistDeaths : public PersistTest, public testing::WithParamInterface<Victim> {};

TEST_P(PersistDeaths, at_every_request_to_the_store_it_ends_as_the_namespace) {
  for (uint64_t step = 1;; ++step) {
    SCOPED_TRACE("killed at request " + std::to_string(step));
    KillAt faults(step);
    start({.faults = &faults});
    ASSERT_FALSE(HasFatalFailure());
    faults.kill = [&] {
      cluster->kill(GetParam());
      // A worker's zombie goes on for a while: the other one dies with it, so that none of its two is spared.
      if (GetParam() == Victim::kWorker0) cluster->kill(Victim::kWorker1, seconds(3));
    };
    must(cluster->write("small", "some bytes"));
    must(cluster->write("large", pattern(100'000)));
    ASSERT_TRUE(cluster->settle());
    must(cluster->rename("small", "moved"));
    must(cluster->unlink("large"));
    must(cluster->write("other", pattern(90'000, 3)));
    expect_store({{"k/moved", "some bytes"}, {"k/other", pattern(90'000, 3)}});
    if (HasFatalFailure() || HasNonfatalFailure()) return;
    const bool was_last = !faults.has_killed();
    cluster->stop();
    cluster.reset();
    if (was_last) return;
  }
}
INSTANTIATE_TEST_SUITE_P(EachRole, PersistDeaths, testing::Values(Victim::kMaster, Victim::kWorker0, Victim::kCoordinator),
                         [](const testing::TestParamInfo<Victim>& info) {
                           switch (info.param) {
                             case Victim::kMaster: return "master";
                             case Victim::kCoordinator: return "coordinator";
                             default: return "workers";
                           }
                         });

TEST_F(PersistTest, a_worker_that_does_not_come_back_is_replaced) {
  start();
  must(cluster->write("a", pattern(2'000'000)));
  ASSERT_TRUE(cluster->world().run_until([&] { return !cluster->bucket().open_uploads().empty(); }, seconds(30)));
  std::string who;
  for (const ufs::RequestRecord& request : cluster->bucket().requests()) who = request.who;
  // Its copy of the data is gone with it for an hour: the other one cannot upload, and the abandoned upload is aborted all the
  // same.
  cluster->kill(who == "worker0" ? Victim::kWorker0 : Victim::kWorker1, std::chrono::hours(1));
  EXPECT_TRUE(cluster->world().run_until([&] { return cluster->bucket().open_uploads().empty(); }, std::chrono::minutes(10)));
  expect_store({{"k/a", pattern(2'000'000)}});
}

TEST_F(PersistTest, a_new_coordinator_takes_up_all_operations_of_before_however_many_pages_they_fill) {
  class Silent final : public ufs::StoreFaults {
   public:
    ufs::StoreFault next(const ufs::StoreRequest& request) override {
      return is_silent && request.writes ? ufs::StoreFault{ufs::StoreFaultKind::kHang, {}} : ufs::StoreFault{};
    }
    bool is_silent = true;
  } faults;
  start({.faults = &faults, .page = 2});
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 7; ++i) {
    const std::string name = "f" + std::to_string(i);
    must(cluster->write(name, pattern(500, i)));
    expected["k/" + name] = pattern(500, i);
  }
  ASSERT_TRUE(cluster->world().run_until([&] { return cluster->coordinator()->jobs() == 7; }, seconds(10)));
  cluster->world().run_for(std::chrono::milliseconds(100));  // workers have them
  cluster->kill(Victim::kCoordinator);
  ASSERT_TRUE(cluster->world().run_until([&] { return cluster->coordinator() == nullptr; }, seconds(10)));
  // Long before their leases end, which is the other way to be found.
  EXPECT_TRUE(
      cluster->world().run_until([&] { return cluster->coordinator() && cluster->coordinator()->jobs() == 7; }, seconds(8)));
  faults.is_silent = false;
  expect_store(expected);
}

}  // namespace
}  // namespace forebay::cluster
