#include "coordinator/jobs/breakers.h"

#include <gtest/gtest.h>

#include "os/simulation.h"

namespace forebay::coordinator {
namespace {

using std::chrono::seconds;

class BreakersTest : public testing::Test {
 protected:
  BreakersTest() : process(world.start_process("c", "coordinator")), breakers(process->env().clock, config) {}
  void fail(uint64_t mount, int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breakers.admit(mount));
      breakers.record(mount, true);
    }
  }
  void pass(Duration time) { ASSERT_TRUE(world.complete(process->env().clock.sleep(time, {}), std::chrono::hours(1))); }

  os::SimWorld world{{}};
  std::shared_ptr<os::SimProcess> process;  // shared with the world's list
  CoordinatorConfig config;
  Breakers breakers;
};

TEST_F(BreakersTest, a_store_that_fails_time_after_time_is_left_alone_and_others_are_not) {
  fail(1, 8);
  EXPECT_FALSE(breakers.admit(1));
  EXPECT_TRUE(breakers.admit(2));
  EXPECT_EQ(breakers.open(), 1U);
}

TEST_F(BreakersTest, says_what_the_last_failure_was) {
  fail(1, 7);
  breakers.record(1, true, "a page of a proxy");
  breakers.record(1, true);
  EXPECT_EQ(breakers.why(1), "a page of a proxy");
  EXPECT_EQ(breakers.why(2), "");
  breakers.record(1, false);
  EXPECT_EQ(breakers.why(1), "");
}

TEST_F(BreakersTest, one_of_those_that_wait_is_to_come_for_the_next_probe) {
  EXPECT_FALSE(breakers.next_probe(1)) << "it is not believed dead";
  fail(1, 8);
  const std::optional<Duration> wait = breakers.next_probe(1);
  ASSERT_TRUE(wait);
  EXPECT_FALSE(breakers.next_probe(1)) << "another one is";
  pass(*wait);
  EXPECT_TRUE(breakers.admit(1));
  EXPECT_FALSE(breakers.next_probe(1)) << "it is under way";
  breakers.record(1, true);
  const std::optional<Duration> later = breakers.next_probe(1);
  ASSERT_TRUE(later);
  EXPECT_GT(*later, *wait);
  pass(*later + seconds(6));
  EXPECT_TRUE(breakers.next_probe(1)) << "who was to come has not";
}

TEST_F(BreakersTest, says_once_which_stores_are_back) {
  fail(1, 7);
  breakers.record(1, false);
  EXPECT_TRUE(breakers.take_back().empty()) << "it never was away";
  fail(1, 8);
  fail(2, 8);
  breakers.record(2, false);
  EXPECT_EQ(breakers.take_back(), std::vector<uint64_t>{2});
  EXPECT_TRUE(breakers.take_back().empty());
}

TEST_F(BreakersTest, one_success_between_failures_keeps_it_closed) {
  fail(1, 7);
  breakers.record(1, false);
  fail(1, 7);
  EXPECT_TRUE(breakers.admit(1));
}

TEST_F(BreakersTest, one_probe_at_a_time_finds_out_after_longer_and_longer_pauses) {
  fail(1, 8);
  for (Duration pause : {seconds(1), seconds(2), seconds(4)}) {
    pass(pause - std::chrono::milliseconds(100));
    EXPECT_FALSE(breakers.admit(1));
    pass(std::chrono::milliseconds(200));
    EXPECT_TRUE(breakers.admit(1));
    EXPECT_FALSE(breakers.admit(1)) << "one is under way";
    breakers.record(1, true);
  }
  pass(std::chrono::minutes(1));
  ASSERT_TRUE(breakers.admit(1));
  breakers.record(1, false);
  EXPECT_TRUE(breakers.admit(1));
  EXPECT_TRUE(breakers.admit(1));
}

TEST_F(BreakersTest, failures_that_were_under_way_when_it_opened_do_not_lengthen_the_pause) {
  fail(1, 8);
  for (int i = 0; i < 100; ++i) breakers.record(1, true);
  pass(seconds(2));
  EXPECT_TRUE(breakers.admit(1));
}

}  // namespace
}  // namespace forebay::coordinator
