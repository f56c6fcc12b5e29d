// The master, then a worker, then the client dies at its n-th call to the outside during one operation, for n = 1, 2, 3 … until
// the operation is over before it happens; and the same with a call that fails. Then everything comes back and is looked at.
#include <gtest/gtest.h>

#include <cstdlib>

#include "inline_setting.h"
#include "observe.h"
#include "os/simulation.h"
#include "sim_cluster.h"
#include "sweep_cases.h"

namespace forebay::cluster {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// What happens at the n-th call.
enum class Blow { kDiesBefore, kDiesHalfWay, kDiesAfter, kFails };

struct Sweep {
  std::string operation, role;
  Blow blow;
};

std::string name_of(const testing::TestParamInfo<Sweep>& sweep) {
  static constexpr const char* kBlows[] = {"dies_before", "dies_half_way", "dies_after", "call_fails"};
  return sweep.param.operation + "_" + sweep.param.role + "_" + kBlows[static_cast<int>(sweep.param.blow)];
}

Scenario small_cluster() {
  Scenario scenario;
  scenario.workers = scenario.clients = 1;
  scenario.workers_with_clients = false;
  scenario.inline_bytes = inline_bytes_of_test();
  return scenario;
}

// One cluster, one operation, one blow.
class Trial {
 public:
  Trial(const Sweep& sweep, const SweepCase& what, uint64_t n) : sweep_(sweep), what_(what), n_(n) {}

  // True when the blow was struck.
  bool run() {
    EXPECT_TRUE(cluster_.start());
    auto in = client();
    Result<void> made = *world_.complete(make_sweep_tree(in->client.get()), minutes(5));
    EXPECT_TRUE(made) << made.error().to_string();
    arm();
    std::optional<Result<void>> outcome = world_.complete(what_.act(in->client.get()), seconds(20));
    const bool client_died = in->is_killed();
    in.reset();
    victim().watch.plan = nullptr;
    restart();
    // The operation may have waited for what was dead.
    if (!outcome && !client_died) world_.run_for(minutes(2));
    look(outcome && *outcome && !client_died, outcome);
    cluster_.stop();
    EXPECT_TRUE(verdict_.is_clean()) << verdict_.violations().front() << where();
    return struck_;
  }

 private:
  RoleSlot& victim() { return *cluster_.of_kind(sweep_.role).front(); }
  std::shared_ptr<RunningClient> client() { return cluster_.of_kind("client").front()->client.current; }
  std::string where() const { return "\n  call " + std::to_string(n_) + ": " + at_; }

  void arm() {
    victim().watch.plan = [this, seen = uint64_t{0}](const os::SeamCall& call) mutable -> os::SeamFate {
      if (++seen != n_) return {};
      struck_ = true;
      at_ = std::string(call.name) + " " + std::string(call.object);
      os::SeamFate fate{.error = EIO};
      if (sweep_.blow == Blow::kDiesHalfWay) fate.done_bytes = call.bytes / 2;
      if (sweep_.blow == Blow::kDiesAfter) fate.done_bytes = os::SeamFate::kAll;
      if (sweep_.blow != Blow::kFails) fate.then = [this] { cluster_.die_within(victim()); };
      return fate;
    };
  }

  // Everything dies and comes back: a role that stopped itself after a failed call, too.
  void restart() {
    for (const auto& slot : cluster_.slots()) cluster_.kill(*slot);
    world_.run_for(milliseconds(100));
    for (const auto& slot : cluster_.slots()) cluster_.start_role(*slot);
    EXPECT_TRUE(world_.run_until([&] { return cluster_.all_up(); }, minutes(10))) << "not all come back" << where();
    world_.run_for(minutes(1));  // the dead client's lease ends
  }

  void look(bool acknowledged, const std::optional<Result<void>>& outcome) {
    std::optional<Result<Observed>> seen = world_.complete(observe(client()->client.get(), "/t"), hours(1));
    ASSERT_TRUE(seen) << "looking hangs" << where();
    ASSERT_TRUE(*seen) << seen->error().to_string() << where();
    std::string why;
    const size_t first = acknowledged ? what_.states.size() - 1 : 0;
    for (size_t i = first; i < what_.states.size(); ++i) {
      ModelTree tree = sweep_tree();
      what_.states[i](tree);
      if (acknowledged) commit_all(tree);
      std::string reason = why_not(tree, **seen);
      if (reason.empty()) return;
      why += "\n  not state " + std::to_string(i) + ": " + reason;
    }
    const std::string said = !outcome ? "no answer" : *outcome ? "success" : outcome->error().to_string();
    FAIL() << (acknowledged ? "acknowledged" : "unacknowledged") << ", answer: " << said << why << where();
  }

  static void commit_all(ModelTree& tree) {
    for (const ModelPath& path : tree.names()) tree.find(path)->content.commit_all();
  }

  const Sweep& sweep_;
  const SweepCase& what_;
  const uint64_t n_;
  bool struck_ = false;
  std::string at_ = "not struck";
  const Scenario scenario_ = small_cluster();
  Verdict verdict_;
  os::SimWorld world_{{.links = scenario_.links}};
  SimCluster cluster_{world_, scenario_, verdict_, obs::null_log()};
};

class SeamSweep : public testing::TestWithParam<Sweep> {};

TEST_P(SeamSweep, leaves_the_state_before_or_after) {
  const auto& cases = sweep_cases();
  auto what = std::ranges::find(cases, GetParam().operation, &SweepCase::name);
  ASSERT_NE(what, cases.end());
  const char* asked = std::getenv("FOREBAY_SWEEP_STEP");  // every n-th call only; a slow build asks for it
  const uint64_t step = asked == nullptr ? 1 : std::strtoull(asked, nullptr, 10);
  uint64_t n = 1;
  while (n < 2'000 && !HasFailure() && std::make_unique<Trial>(GetParam(), *what, n)->run()) n += step;
  EXPECT_LT(n, 2'000u) << "the operation never gets by untouched";
}

std::vector<Sweep> all_sweeps() {
  std::vector<Sweep> all;
  for (const SweepCase& what : sweep_cases()) {
    for (const char* role : {"master", "worker", "client"}) {
      for (Blow blow : {Blow::kDiesBefore, Blow::kDiesHalfWay, Blow::kDiesAfter, Blow::kFails})
        all.push_back({what.name, role, blow});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Every, SeamSweep, testing::ValuesIn(all_sweeps()), name_of);

}  // namespace
}  // namespace forebay::cluster
