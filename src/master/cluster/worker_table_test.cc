#include "master/cluster/worker_table.h"

#include <gtest/gtest.h>

#include "base/units.h"

namespace forebay::master {
namespace {

class ManualClock : public os::Clock {
 public:
  os::Instant now() const override { return now_; }
  os::WallTime wall_now() const override { return {}; }
  Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return true; }
  void advance(Duration duration) { now_ += duration; }

 private:
  os::Instant now_{std::chrono::hours(1)};
};

class WorkerTableTest : public testing::Test {
 protected:
  v1::RegisterWorkerRequest request(std::string host, uint64_t nonce, uint64_t available) {
    v1::RegisterWorkerRequest request;
    request.mutable_address()->set_address(host + ":29999");
    request.mutable_address()->set_host_id(host);
    request.set_start_nonce(nonce);
    v1::TierSpace& tier = *request.add_tiers();
    tier.set_quota_bytes(kGiB);
    tier.set_available_bytes(available);
    return request;
  }
  void live(uint64_t worker, std::string host, uint64_t available) {
    table_.registered(WorkerId{worker}, request(host, worker, available), worker * 10, 0);
    table_.inventory_complete(WorkerId{worker});
  }
  v1::Placement wanted(uint64_t bytes, std::string host = "", std::vector<uint64_t> avoid = {}) {
    v1::Placement placement;
    placement.set_bytes(bytes);
    placement.set_host_id(host);
    placement.mutable_avoid()->Assign(avoid.begin(), avoid.end());
    return placement;
  }
  uint64_t placed(const v1::Placement& placement) {
    auto result = table_.place(placement);
    return result ? result->workers.at(0).value : 0;
  }
  ManualClock clock_;
  WorkerTable table_{clock_, {}};
};

TEST_F(WorkerTableTest, the_local_worker_comes_first_then_the_emptiest) {
  live(1, "a", 100 * kMiB);
  live(2, "b", 500 * kMiB);
  EXPECT_EQ(placed(wanted(kMiB, "a")), 1u);
  EXPECT_EQ(placed(wanted(kMiB)), 2u);
  EXPECT_EQ(placed(wanted(kMiB, "elsewhere")), 2u);
}

TEST_F(WorkerTableTest, a_local_worker_without_the_room_gives_way) {
  live(1, "a", 10 * kMiB);
  live(2, "b", 500 * kMiB);
  EXPECT_EQ(placed(wanted(64 * kMiB, "a")), 2u);
}

TEST_F(WorkerTableTest, what_was_granted_counts_until_the_next_report) {
  live(1, "a", 100 * kMiB);
  EXPECT_EQ(table_.place(wanted(64 * kMiB))->bytes, 64 * kMiB);
  EXPECT_EQ(table_.place(wanted(64 * kMiB))->bytes, 36 * kMiB - kAroundObject) << "less than wanted, while there is any";
  EXPECT_EQ(table_.place(wanted(64 * kMiB)).error().code(), Code::kBusy) << "nobody knows how much of it is used";
  v1::WorkerHeartbeatRequest beat;
  beat.add_tiers()->set_available_bytes(100 * kMiB);
  ASSERT_TRUE(table_.heartbeat(WorkerId{1}, 10, beat));
  EXPECT_EQ(table_.place(wanted(64 * kMiB))->bytes, 64 * kMiB);
  beat.mutable_tiers(0)->set_available_bytes(kMiB / 2);
  ASSERT_TRUE(table_.heartbeat(WorkerId{1}, 10, beat));
  EXPECT_EQ(table_.place(wanted(64 * kMiB)).error().code(), Code::kRejected);
}

TEST_F(WorkerTableTest, a_grant_is_no_more_than_the_largest_object_that_finds_room) {
  v1::RegisterWorkerRequest two_paths = request("a", 1, 100 * kMiB);
  two_paths.mutable_tiers(0)->set_largest_bytes(50 * kMiB - 8 * kKiB);
  table_.registered(WorkerId{1}, two_paths, 10, 0);
  table_.inventory_complete(WorkerId{1});
  EXPECT_EQ(table_.place(wanted(64 * kMiB))->bytes, 50 * kMiB - 8 * kKiB);
}

TEST_F(WorkerTableTest, an_avoided_worker_is_better_than_none) {
  live(1, "a", 500 * kMiB);
  live(2, "b", 100 * kMiB);
  EXPECT_EQ(placed(wanted(kMiB, "a", {1})), 2u);
  EXPECT_EQ(placed(wanted(kMiB, "", {1, 2})), 1u) << "they may be back by now";
}

TEST_F(WorkerTableTest, a_copy_for_readers_is_made_whole_and_where_they_have_the_file_or_not_at_all) {
  live(1, "a", 100 * kMiB);
  live(2, "a", 500 * kMiB);
  v1::Placement fork = wanted(60 * kMiB, "a", {2});
  fork.set_staged(true);
  fork.set_fork(true);
  const auto placed = table_.place(fork);
  ASSERT_TRUE(placed) << placed.error().to_string();
  EXPECT_EQ(placed->workers, std::vector{WorkerId{1}});
  EXPECT_TRUE(placed->staged);
  const auto again = table_.place(fork);
  ASSERT_FALSE(again) << "40 MiB are left, and what was granted is not used yet";
  EXPECT_TRUE(again.error().is(Code::kBusy) && again.error().is_errno(ENOSPC)) << again.error().to_string();
  fork.set_bytes(200 * kMiB);
  EXPECT_EQ(table_.place(fork).error().code(), Code::kRejected);
}

TEST_F(WorkerTableTest, full_and_none_live_are_told_apart) {
  EXPECT_EQ(table_.place(wanted(kMiB)).error().code(), Code::kElsewhere);
  live(1, "a", 100);
  auto full = table_.place(wanted(kMiB));
  EXPECT_EQ(full.error().code(), Code::kRejected);
  EXPECT_EQ(full.error().error(), ENOSPC);
}

TEST_F(WorkerTableTest, silence_makes_a_worker_lost_and_a_heartbeat_brings_it_back) {
  live(1, "a", 100 * kMiB);
  clock_.advance(std::chrono::seconds(11));
  EXPECT_EQ(table_.place(wanted(kMiB)).error().code(), Code::kElsewhere);
  EXPECT_EQ(table_.counts().lost, 1u);
  EXPECT_FALSE(table_.addresses().workers(0).live());
  v1::WorkerHeartbeatRequest beat;
  beat.add_tiers()->set_available_bytes(kGiB);
  ASSERT_TRUE(table_.heartbeat(WorkerId{1}, 10, beat));
  EXPECT_EQ(placed(wanted(kMiB)), 1u);
}

TEST_F(WorkerTableTest, an_old_registration_is_stale) {
  live(1, "a", 100 * kMiB);
  EXPECT_EQ(table_.heartbeat(WorkerId{1}, 9, {}).error().code(), Code::kStale);
  EXPECT_EQ(table_.heartbeat(WorkerId{2}, 10, {}).error().code(), Code::kStale);
  EXPECT_EQ(table_.first_new_object(WorkerId{1}, 9).error().code(), Code::kStale);
}

TEST_F(WorkerTableTest, a_worker_known_from_the_store_is_lost_until_it_registers) {
  v1::WorkerRecord record;
  record.mutable_address()->set_address("a:1");
  table_.load(WorkerId{1}, record);
  EXPECT_TRUE(table_.is_known(WorkerId{1}));
  EXPECT_EQ(table_.counts().lost, 1u);
  EXPECT_EQ(table_.heartbeat(WorkerId{1}, 0, {}).error().code(), Code::kStale);
}

TEST_F(WorkerTableTest, an_id_in_use_by_a_live_worker_on_another_host_is_refused) {
  live(1, "a", kGiB);
  EXPECT_EQ(table_.check_registration(WorkerId{1}, request("b", 99, kGiB)).error().code(), Code::kInvalid);
  EXPECT_TRUE(table_.check_registration(WorkerId{1}, request("a", 99, kGiB))) << "restarted";
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(table_.check_registration(WorkerId{1}, request("b", 99, kGiB))) << "moved, with its disk";
}

TEST_F(WorkerTableTest, no_placement_before_the_inventory_is_in) {
  table_.registered(WorkerId{1}, request("a", 1, kGiB), 10, 0);
  EXPECT_EQ(table_.place(wanted(kMiB)).error().code(), Code::kElsewhere);
  table_.inventory_complete(WorkerId{1});
  EXPECT_EQ(placed(wanted(kMiB)), 1u);
}

TEST_F(WorkerTableTest, suspects_are_taken_once) {
  live(1, "a", kGiB);
  table_.suspect(WorkerId{1}, ObjectId{5});
  table_.suspect(WorkerId{1}, ObjectId{6});
  EXPECT_EQ(table_.take_suspects(WorkerId{1}, 1), std::vector{ObjectId{5}});
  EXPECT_EQ(table_.take_suspects(WorkerId{1}, 10), std::vector{ObjectId{6}});
  EXPECT_TRUE(table_.take_suspects(WorkerId{1}, 10).empty());
}

TEST_F(WorkerTableTest, a_worker_that_misses_more_than_is_asked_at_once_lists_again) {
  live(1, "a", kGiB);
  for (uint64_t object = 1; object <= 100'001; ++object) table_.suspect(WorkerId{1}, ObjectId{object});
  EXPECT_TRUE(table_.heartbeat(WorkerId{1}, 10, {}));
  while (!table_.take_suspects(WorkerId{1}, 1'000).empty()) continue;
  EXPECT_EQ(table_.heartbeat(WorkerId{1}, 10, {}).error().code(), Code::kStale);
  live(1, "a", kGiB);
  EXPECT_TRUE(table_.heartbeat(WorkerId{1}, 10, {})) << "after that it starts anew";
}

}  // namespace
}  // namespace forebay::master
