// A cluster that persists, while nobody dies.
#include "forebay/v1/coordinator.rpc.h"
#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(PersistTest, what_is_written_appears_in_the_store_with_its_stamp) {
  start();
  must(cluster->write("small", "some bytes"));
  must(cluster->write("empty", ""));
  must(cluster->write("large", pattern(300'000)));
  expect_store({{"k/small", "some bytes"}, {"k/empty", ""}, {"k/large", pattern(300'000)}});
  Result<v1::Attr> attr = cluster->attr("large");
  ASSERT_TRUE(attr);
  EXPECT_EQ(cluster->bucket().state("k/large")->stamp->inode.value, attr->inode());
}

TEST_F(PersistTest, the_coordinator_may_look_more_often_than_it_pauses_between_intents) {
  start({.interval = std::chrono::milliseconds(5)});
  must(cluster->write("a", "some bytes"));
  must(cluster->rename("a", "b"));
  must(cluster->write("c", pattern(300'000)));
  expect_store({{"k/b", "some bytes"}, {"k/c", pattern(300'000)}});
}

// Looks at the queue come once an hour here: whatever happens, happens because somebody was told.
class PushedTest : public PersistTest {
 protected:
  void start_pushed(const std::string& policies = R"("onDelete": "delete")") {
    start({.policies = policies, .interval = std::chrono::hours(1)});
    cluster->world().run_for(seconds(3));
  }
  Duration until(const std::function<bool()>& done) {
    const os::Instant begun = cluster->world().time().now();
    EXPECT_TRUE(cluster->world().run_until(done, std::chrono::minutes(10)));
    return cluster->world().time().now() - begun;
  }
  bool holds(const std::string& key) { return cluster->bucket().content(key).has_value(); }
};

TEST_F(PushedTest, what_is_written_or_renamed_into_a_mapping_is_uploaded_within_milliseconds) {
  start_pushed(R"("onDelete": "delete", "exclude": ["*.tmp"])");
  for (const char* name : {"a", "b", "c"}) {
    const std::string part = std::string(name) + ".tmp";
    must(cluster->write(part, "some bytes"));
    cluster->world().run_for(seconds(2));
    EXPECT_FALSE(holds("k/" + std::string(name)));
    must(cluster->rename(part, name));
    EXPECT_LE(until([&] { return holds("k/" + std::string(name)); }), milliseconds(20));
    must(cluster->write(name, "others"));
    EXPECT_LE(until([&] { return cluster->bucket().content("k/" + std::string(name)) == "others"; }), milliseconds(20)) << name;
  }
}

TEST_F(PushedTest, what_has_to_wait_a_while_is_begun_when_it_is_due) {
  start_pushed(R"("onDelete": "delete", "settle": "5s")");
  must(cluster->write("a", "some bytes"));
  const Duration took = until([&] { return holds("k/a"); });
  EXPECT_GE(took, milliseconds(4'900));
  EXPECT_LE(took, milliseconds(5'050));
}

TEST_F(PushedTest, what_waits_for_something_else_is_begun_when_that_has_ended) {
  start_pushed();
  must(cluster->write("a", "one"));
  must(cluster->write("b", "other"));
  (void)until([&] { return holds("k/a") && holds("k/b"); });
  must(cluster->rename("a", "between"));
  must(cluster->rename("b", "a"));
  must(cluster->rename("between", "b"));
  EXPECT_LE(until([&] { return cluster->bucket().content("k/a") == "other" && cluster->bucket().content("k/b") == "one"; }),
            milliseconds(500));
}

TEST_F(PushedTest, after_a_death_of_the_master_or_the_coordinator_it_goes_on) {
  start_pushed();
  for (const PersistCluster::Victim victim : {PersistCluster::Victim::kMaster, PersistCluster::Victim::kCoordinator}) {
    cluster->kill(victim, milliseconds(500));
    const std::string name = victim == PersistCluster::Victim::kMaster ? "a" : "b";
    must(cluster->write(name, "some bytes"));
    EXPECT_LE(until([&] { return holds("k/" + name); }), seconds(5));
  }
}

TEST_F(PersistTest, more_files_than_workers_take_at_a_time_follow_each_other_without_a_pause) {
  start();
  constexpr size_t kFiles = 500;  // workers take 96
  cluster->kill(PersistCluster::Victim::kCoordinator, std::chrono::minutes(5));
  for (size_t i = 0; i < kFiles; ++i) must(cluster->write("f" + std::to_string(i), "some bytes"));
  ASSERT_TRUE(cluster->world().run_until([&] { return !cluster->bucket().keys().empty(); }, std::chrono::minutes(10)));
  const os::Instant first = cluster->world().time().now();
  ASSERT_TRUE(cluster->world().run_until([&] { return cluster->bucket().keys().size() == kFiles; }, std::chrono::minutes(10)));
  EXPECT_LE(cluster->world().time().now() - first, milliseconds(100));
}

TEST_F(PersistTest, a_file_renamed_before_its_upload_is_put_once_under_its_final_name) {
  start({.policies = R"("onDelete": "delete", "settle": "5s")"});
  must(cluster->write("x.tmp", "checkpoint"));
  must(cluster->rename("x.tmp", "x"));
  expect_store({{"k/x", "checkpoint"}});
  EXPECT_EQ(cluster->published("k/x"), 1U);
  EXPECT_EQ(cluster->published("k/x.tmp"), 0U);
}

TEST_F(PersistTest, a_file_removed_while_it_is_uploaded_is_gone_afterwards) {
  start();
  must(cluster->write("a", pattern(2'000'000)));
  ASSERT_TRUE(cluster->world().run_until([&] { return !cluster->bucket().open_uploads().empty(); }, seconds(30)));
  must(cluster->unlink("a"));
  expect_store({});
}

TEST_F(PersistTest, a_file_changed_while_it_is_uploaded_ends_as_its_newest_version) {
  start();
  must(cluster->write("a", pattern(2'000'000)));
  ASSERT_TRUE(cluster->world().run_until([&] { return !cluster->bucket().open_uploads().empty(); }, seconds(30)));
  must(cluster->write("a", pattern(1'000'000, 2)));
  expect_store({{"k/a", pattern(1'000'000, 2)}});
}

TEST_F(PersistTest, a_persisted_file_moves_with_its_name) {
  start();
  must(cluster->write("a", pattern(100'000)));
  expect_store({{"k/a", pattern(100'000)}});
  must(cluster->rename("a", "b"));
  expect_store({{"k/b", pattern(100'000)}});
}

TEST_F(PersistTest, on_a_nas_a_persisted_file_is_renamed) {
  start({.is_nas = true});
  must(cluster->write("a", pattern(100'000)));
  expect_store({{"k/a", pattern(100'000)}});
  must(cluster->rename("a", "b"));
  expect_store({{"k/b", pattern(100'000)}});
  bool renamed = false;
  for (const ufs::KeyChange& change : cluster->bucket().changes()) renamed |= change.operation == "rename";
  EXPECT_TRUE(renamed);
}

TEST_F(PersistTest, two_files_swap_their_contents_in_the_store) {
  start();
  must(cluster->write("a", "first"));
  must(cluster->write("b", "second"));
  expect_store({{"k/a", "first"}, {"k/b", "second"}});
  must(cluster->rename("a", "t"));
  must(cluster->rename("b", "a"));
  must(cluster->rename("t", "b"));
  expect_store({{"k/a", "second"}, {"k/b", "first"}});
}

TEST_F(PersistTest, in_an_ordered_directory_nothing_is_visible_before_what_was_sealed_earlier) {
  start({.policies = R"("onDelete": "delete", "order": "directory")"});
  must(cluster->write("shard", pattern(1'000'000)));
  must(cluster->write("marker", "done"));
  expect_store({{"k/shard", pattern(1'000'000)}, {"k/marker", "done"}});
  std::vector<std::string> appeared;
  for (const ufs::KeyChange& change : cluster->bucket().changes()) {
    if (change.after) appeared.push_back(change.key);
  }
  EXPECT_EQ(appeared, (std::vector<std::string>{"k/shard", "k/marker"}));
}

TEST_F(PersistTest, somebody_elses_object_is_left_alone) {
  start();
  cluster->bucket().write_foreign("k/a", "theirs");
  must(cluster->write("a", "ours"));
  ASSERT_TRUE(cluster->settle());
  EXPECT_EQ(cluster->bucket().content("k/a"), "theirs");
}

TEST_F(PersistTest, hundreds_of_files_are_all_persisted) {
  start();
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "f" + std::to_string(i);
    must(cluster->write(name, pattern(1000, i)));
    expected["k/" + name] = pattern(1000, i);
  }
  expect_store(expected);
  EXPECT_EQ(cluster->coordinator()->jobs(), 0U);
}

// -- the store fails --

struct FaultCase {
  std::string operation;
  ufs::StoreFaultKind kind;
  Duration delay = seconds(20);
};
class PersistFaults : public PersistTest, public testing::WithParamInterface<FaultCase> {};

TEST_P(PersistFaults, the_store_ends_as_the_namespace) {
  ufs::ScriptedFaults faults({{.operation = GetParam().operation, .key = "", .fault = {GetParam().kind, GetParam().delay}}});
  start({.faults = &faults});
  must(cluster->write("small", "some bytes"));
  must(cluster->write("large", pattern(200'000)));
  must(cluster->write("gone", "not for long"));
  ASSERT_TRUE(cluster->settle());
  must(cluster->unlink("gone"));
  must(cluster->rename("small", "moved"));
  must(cluster->write("large", pattern(150'000, 2)));
  expect_store({{"k/moved", "some bytes"}, {"k/large", pattern(150'000, 2)}});
  EXPECT_TRUE(faults.is_used_up()) << "the fault was never met";
  cluster->world().run_for(std::chrono::minutes(2));  // what comes late finds nothing to spoil
  expect_store({{"k/moved", "some bytes"}, {"k/large", pattern(150'000, 2)}});
}

std::vector<FaultCase> fault_cases() {
  std::vector<FaultCase> cases;
  for (const char* operation : {"put", "create_upload", "put_part", "complete_upload", "copy", "remove"}) {
    for (ufs::StoreFaultKind kind :
         {ufs::StoreFaultKind::kConflict, ufs::StoreFaultKind::kBusy, ufs::StoreFaultKind::kSlow, ufs::StoreFaultKind::kHang,
          ufs::StoreFaultKind::kLostReply, ufs::StoreFaultKind::kLate, ufs::StoreFaultKind::kDuplicate})
      cases.push_back({operation, kind});
  }
  // A put whose condition is "nothing there" holds again once its object has moved on: nobody can fence a request that was
  // answered. And the second of two uploads that one request began is unknown to everybody. So the repetition follows on the
  // heels of the first put, and there is none of a beginning.
  std::erase_if(cases, [](const FaultCase& each) {
    return each.operation == "create_upload" && each.kind == ufs::StoreFaultKind::kDuplicate;
  });
  for (FaultCase& each : cases) {
    if (each.operation == "put" && each.kind == ufs::StoreFaultKind::kDuplicate) each.delay = milliseconds(1);
  }
  for (const char* operation : {"put", "put_part"}) cases.push_back({operation, ufs::StoreFaultKind::kTruncated});
  return cases;
}
std::string fault_name(const testing::TestParamInfo<FaultCase>& info) {
  static const char* const kNames[] = {"none",       "conflict", "busy",      "slow",     "hang",
                                       "lost_reply", "late",     "duplicate", "truncated"};
  return info.param.operation + "_" + kNames[static_cast<size_t>(info.param.kind)];
}
INSTANTIATE_TEST_SUITE_P(EachStep, PersistFaults, testing::ValuesIn(fault_cases()), fault_name);

// A store that answers 503, until it does not.
class Down final : public ufs::StoreFaults {
 public:
  ufs::StoreFault next(const ufs::StoreRequest&) override {
    ++asked;
    return is_down ? ufs::StoreFault{ufs::StoreFaultKind::kBusy, {}} : ufs::StoreFault{};
  }
  bool is_down = true;
  uint64_t asked = 0;
};

TEST_F(PersistTest, a_store_that_does_not_answer_for_an_hour_is_asked_little_and_gets_everything_afterwards) {
  Down faults;
  start({.faults = &faults});
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "f" + std::to_string(i);
    must(cluster->write(name, pattern(500, i)));
    expected["k/" + name] = pattern(500, i);
  }
  cluster->world().run_for(std::chrono::hours(1));
  EXPECT_TRUE(cluster->bucket().keys().empty());
  EXPECT_LT(faults.asked, 1'000U) << "one probe finds out, not every task";
  faults.is_down = false;
  // The next probe comes within a minute and a quarter; what waits for its turn, up to five minutes, is due then.
  cluster->world().run_for(std::chrono::seconds(85));
  EXPECT_EQ(cluster->bucket().keys().size(), expected.size());
  expect_store(expected);
}

TEST_F(PersistTest, a_single_file_waits_no_longer_than_a_probe_of_its_store_does) {
  Down faults;
  start({.faults = &faults});
  must(cluster->write("f", "content"));
  cluster->world().run_for(std::chrono::minutes(11));  // it fails about every five minutes by now
  faults.is_down = false;
  cluster->world().run_for(std::chrono::seconds(85));
  EXPECT_EQ(cluster->bucket().keys().size(), 1U);
}

}  // namespace
}  // namespace forebay::cluster
