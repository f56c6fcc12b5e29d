// Two clients in one directory, of which one made it and knows its names for a moment: as coherent as if both asked each time.
#include <gtest/gtest.h>

#include <string>

#include "small_cluster.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;

class NamesLeaseTest : public testing::Test {
 protected:
  NamesLeaseTest() : cluster_(1) {
    Result<void> started = cluster_.start();
    EXPECT_TRUE(started) << started.error().to_string();
    directory_ = make_dir(kRoot, "d");
  }
  void TearDown() override {
    cluster_.stop();
    EXPECT_EQ(cluster_.check(), std::vector<std::string>());
  }

  static constexpr InodeId kRoot{1};
  client::Client& maker() { return cluster_.client(0); }
  client::Client& other() { return cluster_.client(1); }
  InodeId make_dir(InodeId parent, const std::string& name) {
    auto made = cluster_.run(maker().make_dir({}, parent, name, 0755));
    EXPECT_TRUE(made);
    return InodeId{made ? made->inode() : 0};
  }
  InodeId create(client::Client& client, const std::string& name) {
    auto created = cluster_.run(client.create({}, directory_, name, 0644, {.write = true}, true));
    EXPECT_TRUE(created) << name;
    if (!created) return {};
    EXPECT_TRUE(cluster_.run(created->file->close()));
    return created->file->inode();
  }
  // What a lookup finds; 0: ENOENT.
  InodeId look_up(client::Client& client, const std::string& name) {
    auto found = cluster_.run(client.lookup({}, directory_, name));
    if (!found) EXPECT_TRUE(found.error().is_errno(ENOENT)) << found.error().to_string();
    return InodeId{found ? found->inode() : 0};
  }
  template <class Act>
  Duration time_of(Act act) {
    const os::Instant began = cluster_.world().time().now();
    act();
    return cluster_.world().time().now() - began;
  }
  // Nobody is asked: it takes no time.
  bool knows_absent(const std::string& name) {
    InodeId found{1};
    return time_of([&] { found = look_up(maker(), name); }) == Duration{} && !found;
  }

  SmallCluster cluster_;
  InodeId directory_;
};

TEST_F(NamesLeaseTest, the_maker_is_not_asking_for_names_that_it_is_about_to_create) {
  create(maker(), "first");
  for (int i = 0; i < 100; ++i) {
    const std::string name = "f" + std::to_string(i);
    EXPECT_TRUE(knows_absent(name)) << name;
    const InodeId made = create(maker(), name);
    EXPECT_EQ(look_up(maker(), name), made);
    EXPECT_EQ(look_up(other(), name), made);
  }
}

TEST_F(NamesLeaseTest, what_another_client_creates_is_seen_at_once_and_waits_once) {
  create(maker(), "first");
  ASSERT_TRUE(knows_absent("x"));
  InodeId made;
  const Duration waited = time_of([&] { made = create(other(), "x"); });
  EXPECT_GT(waited, milliseconds(20));
  EXPECT_LT(waited, milliseconds(200));
  EXPECT_EQ(look_up(maker(), "x"), made);
  create(maker(), "second");
  EXPECT_FALSE(knows_absent("y"));  // it is not alone any more
  EXPECT_LT(time_of([&] { made = create(other(), "y"); }), milliseconds(20));
  EXPECT_EQ(look_up(maker(), "y"), made);
}

TEST_F(NamesLeaseTest, a_directory_that_takes_the_place_of_a_leased_one_is_seen_at_once) {
  create(maker(), "first");
  ASSERT_TRUE(cluster_.run(maker().unlink({}, directory_, "first")));
  ASSERT_TRUE(knows_absent("x"));
  ASSERT_TRUE(cluster_.run(other().remove_tree({}, kRoot, "d")));
  auto made = cluster_.run(other().make_dir({}, kRoot, "d", 0755));
  ASSERT_TRUE(made);
  auto found = cluster_.run(maker().lookup({}, directory_, "x"));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is_errno(ESTALE)) << found.error().to_string();  // the kernel looks the directory up again
}

TEST_F(NamesLeaseTest, a_master_that_starts_changes_nothing_before_leases_are_over) {
  create(maker(), "first");
  cluster_.kill_master();
  EXPECT_GE(time_of([&] { ASSERT_TRUE(cluster_.start_master()); }), master::kLongestWait);
  const InodeId made = create(other(), "x");
  EXPECT_EQ(look_up(maker(), "x"), made);
  create(maker(), "second");
  EXPECT_FALSE(knows_absent("y"));  // the new one knows no terms
}

TEST_F(NamesLeaseTest, whom_the_directory_does_not_admit_any_more_is_told_at_once) {
  const client::Identity user{.uid = 5, .gid = 5};
  v1::SetAttrRequest give;
  give.set_inode(directory_.value);
  give.set_uid(5);
  ASSERT_TRUE(cluster_.run(other().set_attr({}, give, nullptr)));
  auto created = cluster_.run(maker().create(user, directory_, "first", 0644, {.write = true}, true));
  ASSERT_TRUE(created);
  ASSERT_TRUE(cluster_.run(created->file->close()));
  v1::SetAttrRequest close;
  close.set_inode(directory_.value);
  close.set_mode(0);
  ASSERT_TRUE(cluster_.run(other().set_attr({}, close, nullptr)));
  auto found = cluster_.run(maker().lookup(user, directory_, "x"));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is_errno(EACCES)) << found.error().to_string();
}

// One client creates in its directory and looks for a name again and again, while the other gives it, at some moment.
struct Round {
  client::Client* maker;
  client::Client* other;
  os::VirtualTime* time;
  InodeId directory;
  Duration pause;      // of the maker
  Duration other_at;   // from the beginning
  bool acked = false;  // the name is there
  bool wrong = false;
  size_t answered_at_once = 0;
  int running = 2;
};

Task<void> create_and_look(Round* round) {
  for (int i = 0; i < 60; ++i) {
    if (i % 3 == 0) {
      auto created = co_await round->maker->create({}, round->directory, "f" + std::to_string(i), 0644, {.write = true}, true);
      if (created) (void)co_await created->file->close();
    }
    const bool has_to_be_there = round->acked;
    const os::Instant asked = round->time->now();
    auto found = co_await round->maker->lookup({}, round->directory, "x");
    if (has_to_be_there && !found) round->wrong = true;
    if (!found && round->time->now() == asked) ++round->answered_at_once;
    co_await round->time->wait_until(round->time->now() + round->pause);
  }
  --round->running;
}

Task<void> give_name(Round* round) {
  co_await round->time->wait_until(round->time->now() + round->other_at);
  auto created = co_await round->other->create({}, round->directory, "x", 0644, {.write = true}, true);
  round->acked = created.has_value();
  if (created) (void)co_await created->file->close();
  --round->running;
}

TEST_F(NamesLeaseTest, a_name_is_never_missed_after_its_creation_was_acknowledged_whoever_stops_or_dies) {
  os::SimRandom random = cluster_.world().random("rounds");
  size_t answered_at_once = 0;
  for (int i = 0; i < 300; ++i) {
    Round round{.maker = &maker(),
                .other = &other(),
                .time = &cluster_.world().time(),
                .directory = make_dir(kRoot, "r" + std::to_string(i)),
                .pause = std::chrono::microseconds(random.next() % 3000),
                .other_at = std::chrono::microseconds(random.next() % 100'000)};
    async::spawn_detached(cluster_.world().executor(), create_and_look(&round));
    async::spawn_detached(cluster_.world().executor(), give_name(&round));
    const auto meanwhile = std::chrono::microseconds(random.next() % 100'000);
    if (i % 3 == 1) {
      cluster_.world().run_for(meanwhile);
      cluster_.kill_master();
      cluster_.world().run_for(std::chrono::microseconds(random.next() % 20'000));
      ASSERT_TRUE(cluster_.start_master());
    } else if (i % 3 == 2) {
      cluster_.world().run_for(meanwhile);
      cluster_.world().time().stall(std::chrono::microseconds(random.next() % 100'000));
    }
    ASSERT_TRUE(cluster_.world().run_until([&] { return round.running == 0; }, std::chrono::minutes(5))) << i;
    ASSERT_FALSE(round.wrong) << "round " << i;
    EXPECT_TRUE(round.acked) << "round " << i;
    answered_at_once += round.answered_at_once;
  }
  EXPECT_GT(answered_at_once, 1000u);
}

}  // namespace
}  // namespace forebay::cluster
