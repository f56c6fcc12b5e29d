#include "master/cluster/intake_policy.h"

#include <gtest/gtest.h>

namespace forebay::master {
namespace {

constexpr uint64_t kTotal = 100 * kGiB;
const IntakeConfig kConfig{.slow_from = 0.95, .horizon = std::chrono::seconds(10)};

WorkerRoom room(uint64_t left) { return {.left = left, .total = kTotal}; }

TEST(IntakePolicy, nobody_is_slowed_while_nothing_will_free_space) {
  EXPECT_FALSE(IntakePolicy::slows(kConfig, room(0), false, false));
  EXPECT_FALSE(IntakePolicy::slows(kConfig, room(0), false, true));
}

TEST(IntakePolicy, slowing_begins_below_what_is_left_and_ends_with_a_quarter_more) {
  EXPECT_FALSE(IntakePolicy::slows(kConfig, room(5 * kGiB + kMiB), true, false));
  EXPECT_TRUE(IntakePolicy::slows(kConfig, room(5 * kGiB - kMiB), true, false));
  EXPECT_TRUE(IntakePolicy::slows(kConfig, room(6 * kGiB), true, true));
  EXPECT_FALSE(IntakePolicy::slows(kConfig, room(25 * kGiB / 4 + kMiB), true, true));
}

TEST(IntakePolicy, what_drains_is_looked_for_before_it_is_needed) {
  EXPECT_FALSE(IntakePolicy::is_near(kConfig, room(50 * kGiB + kMiB)));
  EXPECT_TRUE(IntakePolicy::is_near(kConfig, room(50 * kGiB - kMiB)));
  IntakeConfig early = kConfig;
  early.slow_from = 0.6;
  EXPECT_TRUE(IntakePolicy::is_near(early, room(80 * kGiB - kMiB)));
}

TEST(IntakePolicy, a_share_of_a_hundred_percent_slows_nobody) {
  IntakeConfig never = kConfig;
  never.slow_from = 1;
  EXPECT_FALSE(IntakePolicy::is_near(never, room(0)));
  EXPECT_FALSE(IntakePolicy::slows(never, room(0), true, false));
}

TEST(IntakePolicy, a_cluster_without_workers_slows_nobody) {
  EXPECT_FALSE(IntakePolicy::is_near(kConfig, {}));
  EXPECT_FALSE(IntakePolicy::slows(kConfig, {}, true, false));
}

TEST(IntakePolicy, the_room_left_lasts_for_the_horizon_and_is_shared) {
  EXPECT_EQ(IntakePolicy::bytes_per_second(kConfig, room(5 * kGiB)), kGiB / 2);
  EXPECT_EQ(IntakePolicy::share(kGiB, 4), kGiB / 4);
  EXPECT_EQ(IntakePolicy::share(kGiB, 0), kGiB);
  EXPECT_EQ(IntakePolicy::bytes_per_second(kConfig, room(0)), 1u);  // 0 would be no limit
  EXPECT_EQ(IntakePolicy::share(1, 1000), 1u);
}

// Heard of a second late, and freed in lumps every five seconds, as eviction does it: whatever drains, room never runs out, and
// as much comes in as goes out.
TEST(IntakePolicy, intake_comes_to_rest_at_what_is_freed) {
  for (const uint64_t drained_each_second : {10 * kMiB, 100 * kMiB, 400 * kMiB}) {
    const uint64_t written_each_second = 2 * kGiB;
    double left = 5.0 * kGiB;
    uint64_t told = 0, written = 0, least = UINT64_MAX;
    bool slowed = false;
    for (int second = 0; second < 600; ++second) {
      const double takes = slowed ? std::min(static_cast<double>(told), static_cast<double>(written_each_second))
                                  : static_cast<double>(written_each_second);
      left -= takes;
      ASSERT_GT(left, 0) << "full with " << drained_each_second << " drained, in second " << second;
      if (second >= 300) written += static_cast<uint64_t>(takes);
      least = std::min(least, static_cast<uint64_t>(left));
      if (second % 5 == 4) left += 5.0 * static_cast<double>(drained_each_second);
      slowed = IntakePolicy::slows(kConfig, room(static_cast<uint64_t>(left)), true, slowed);
      told = IntakePolicy::bytes_per_second(kConfig, room(static_cast<uint64_t>(left)));
    }
    EXPECT_NEAR(static_cast<double>(written) / 300, static_cast<double>(drained_each_second),
                0.1 * static_cast<double>(drained_each_second));
    EXPECT_GT(least, drained_each_second);
  }
}

}  // namespace
}  // namespace forebay::master
