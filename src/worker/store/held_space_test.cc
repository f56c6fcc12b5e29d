// Space held for clients: theirs while they hold it, everybody's afterwards.
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

constexpr uint64_t kHold = 7, kOther = 8;

class HeldSpaceTest : public StoreFixture {
 public:
  HeldSpaceTest() { config.held.share = 1; }
  os::Clock& clock() override { return time; }

  uint64_t hold(uint64_t hold, uint64_t bytes, uint64_t had = 0) {
    Result<uint64_t> held = store->hold(hold, bytes, had);
    EXPECT_TRUE(held) << held.error().to_string();
    return held.value_or(0);
  }
  void fill_medium() { disk.set_capacity(disk.used_bytes()); }
  Result<uint64_t> create(ObjectId object, const std::string& text, uint64_t from) {
    return store->write(object, as_bytes(text), 0, Creation(text.size(), from));
  }
  void pass(Duration some) {
    time.now_ += some;
    store->housekeeping();
  }

  struct TestClock : os::Clock {
    os::Instant now_{};
    os::Instant now() const override { return now_; }
    os::WallTime wall_now() const override { return {}; }
    Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return true; }
  } time;
};

TEST_F(HeldSpaceTest, objects_of_the_holder_find_room_on_a_full_medium_and_others_do_not) {
  open();
  EXPECT_EQ(hold(kHold, kMiB), kMiB);
  EXPECT_GE(used(), kMiB);
  fill_medium();
  for (uint64_t i = 1; i <= 40; ++i) {
    const std::string text = pattern(i, 10'000);
    ASSERT_TRUE(create(ObjectId{i}, text, kHold)) << i;
    EXPECT_EQ(read(ObjectId{i}), text);
    EXPECT_TRUE(store->seal(ObjectId{i}, text.size(), false));
  }
  expect_error(create(ObjectId{100}, "x", 0), Code::kElsewhere, ENOSPC);
  expect_error(create(ObjectId{100}, "x", kOther), Code::kElsewhere, ENOSPC);
}

TEST_F(HeldSpaceTest, objects_take_their_charge_out_of_the_hold_and_the_rest_comes_back_when_it_ends) {
  open();
  ASSERT_EQ(hold(kHold, kMiB), kMiB);
  ASSERT_TRUE(create(ObjectId{1}, "text", kHold));
  EXPECT_EQ(used(), kMiB + HeldSpace::kSpare - HeldSpace::kPerObject);
  EXPECT_EQ(hold(kHold, 0), 0u);
  store->housekeeping();
  EXPECT_EQ(used(), charge_for(4));
  EXPECT_LE(disk.used_bytes(), 64 * kKiB) << "nothing is left reserved";
}

TEST_F(HeldSpaceTest, setting_it_again_fills_it_up_and_a_smaller_one_gives_back) {
  open();
  ASSERT_EQ(hold(kHold, kMiB), kMiB);
  ASSERT_TRUE(create(ObjectId{1}, std::string(100'000, 'a'), kHold));
  EXPECT_EQ(hold(kHold, kMiB), kMiB);
  EXPECT_EQ(used(), charge_for(100'000) + kMiB + HeldSpace::kSpare);
  EXPECT_EQ(hold(kHold, 64 * kKiB), 64 * kKiB);
  EXPECT_EQ(used(), charge_for(100'000) + 64 * kKiB + HeldSpace::kSpare);
}

TEST_F(HeldSpaceTest, more_than_there_is_or_may_be_held_is_not_promised) {
  config.held.share = 8;
  open();
  EXPECT_EQ(hold(kHold, 100 * kMiB), kQuota / 8) << "a part of what is free, at most";
  fill_medium();
  EXPECT_EQ(hold(kOther, kMiB), 0u);
  EXPECT_EQ(hold(kHold, 12 * kMiB), kQuota / 8) << "what was held stays";
  config.held.max_holds = 1;
  close();
  open();
  EXPECT_EQ(hold(kHold, kMiB, kMiB), kMiB);
  EXPECT_EQ(hold(kOther, kMiB), 0u);
}

TEST_F(HeldSpaceTest, a_hold_that_is_not_set_again_ends_with_its_lease) {
  open();
  ASSERT_EQ(hold(kHold, kMiB), kMiB);
  pass(config.held.lease / 2);
  ASSERT_EQ(hold(kHold, kMiB), kMiB);
  pass(config.held.lease - std::chrono::seconds(1));
  EXPECT_GE(used(), kMiB);
  pass(std::chrono::seconds(2));
  EXPECT_EQ(used(), 0u);
  EXPECT_LE(disk.used_bytes(), 64 * kKiB);
}

TEST_F(HeldSpaceTest, a_restart_of_the_worker_keeps_what_is_held_for_one_lease) {
  open();
  ASSERT_EQ(hold(kHold, kMiB), kMiB);
  ASSERT_EQ(hold(kOther, kMiB), kMiB);
  kill();
  open();
  fill_medium();
  EXPECT_EQ(hold(kHold, 2 * kMiB, kMiB), kMiB) << "claimed, and no more to be had";
  ASSERT_TRUE(create(ObjectId{1}, "text", kHold));
  ASSERT_TRUE(create(ObjectId{2}, "text", kOther)) << "before it was claimed";
  pass(config.held.lease);
  EXPECT_EQ(used(), 2 * charge_for(4)) << "neither was set again";
}

TEST_F(HeldSpaceTest, a_power_cut_leaves_objects_and_holds_that_add_up) {
  open();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ASSERT_EQ(hold(kHold, kMiB, 0), kMiB);
    (void)create(ObjectId{seed}, "text", kHold);
    power_cut(seed);
    open();
    pass(config.held.lease);
    store->housekeeping();
    EXPECT_LE(used(), seed * charge_for(4));
    EXPECT_LE(disk.used_bytes(), 64 * kKiB + seed * charge_for(4));
  }
}

TEST_F(HeldSpaceTest, before_the_first_registration_nothing_is_held) {
  ASSERT_TRUE(try_open());
  expect_error(store->hold(kHold, kMiB, 0), Code::kBusy, EAGAIN);
}

}  // namespace
}  // namespace forebay::worker
