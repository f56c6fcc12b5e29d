#include "async/busy_poll.h"

#include <gtest/gtest.h>

#include "async/loop.h"

namespace forebay::async {
namespace {

using namespace std::chrono_literals;

class BusyPollTest : public testing::Test {
 protected:
  // A look of which nothing comes; whether it was begun at all.
  bool look_in_vain() {
    if (!poll.begin(now)) return false;
    while (poll.go_on(now)) now += 1us;
    return true;
  }
  // A message arrives `after` the last one was dealt with; whether the thread was awake.
  bool answer(Duration after) {
    bool looks = poll.begin(now);
    const auto due = now + after;
    for (; looks && now < due; looks = poll.go_on(now)) now += 1us;
    now = std::max(now, due);
    looks ? poll.found() : poll.woken(now);
    return looks;
  }
  // The CPU is taken away for a slice during the next look that there is.
  void lose_the_cpu() {
    while (!poll.begin(now)) now += 100us;
    now += 3ms;
    EXPECT_FALSE(poll.go_on(now));
  }
  // At the beginning of the longest pause.
  void fall_asleep() {
    for (int i = 0; i < 3; ++i) looks_in_a_second();
    while (!look_in_vain()) now += 1ms;
  }
  // Looks in a second of which each is in vain.
  int looks_in_a_second() {
    int looks = 0;
    for (const auto end = now + 1s; now < end; now += 1ms) looks += look_in_vain() ? 1 : 0;
    return looks;
  }

  bool scarce = false;
  int asked = 0, gave_way = 0;
  BusyPoll::Clock::time_point now{1h};
  BusyPoll poll{50us, {.are_scarce = [this] { return ++asked, scarce; }, .give_way = [this] { ++gave_way; }}};
};

TEST_F(BusyPollTest, stays_awake_for_as_long_as_its_limit_between_the_messages_of_a_conversation) {
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(answer(40us));
  const auto before = now;
  EXPECT_TRUE(look_in_vain());
  EXPECT_GE(now - before, 50us);
  EXPECT_LE(now - before, 52us);
}

TEST_F(BusyPollTest, gives_way_between_two_looks_and_not_when_it_goes_to_sleep) {
  ASSERT_TRUE(poll.begin(now));
  EXPECT_EQ(gave_way, 0) << "the first look is at once";
  for (int looks = 1; looks <= 10; ++looks) {
    ASSERT_TRUE(poll.go_on(now += 1us));
    EXPECT_EQ(gave_way, looks);
  }
  poll.found();
  ASSERT_TRUE(poll.begin(now)) << "what was found is answered, then there is another look at once";
  EXPECT_EQ(gave_way, 10);
  EXPECT_FALSE(poll.go_on(now + 60us));
  EXPECT_EQ(gave_way, 10);
}

TEST_F(BusyPollTest, an_idle_thread_soon_sleeps_and_hardly_looks_any_more) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(look_in_vain()) << i;
  EXPECT_FALSE(look_in_vain());
  looks_in_a_second();
  EXPECT_LE(looks_in_a_second(), 4);
}

TEST_F(BusyPollTest, messages_that_come_too_slowly_are_slept_for) {
  int awake = 0;
  for (int i = 0; i < 10'000; ++i) {
    awake += answer(200us) ? 1 : 0;
  }
  EXPECT_EQ(awake, 0);
  const auto before = asked;
  EXPECT_LE(looks_in_a_second(), 4);
  EXPECT_LE(asked - before, 8);
}

TEST_F(BusyPollTest, a_conversation_that_begins_is_looked_for_after_a_few_messages) {
  fall_asleep();
  const auto before = now;
  while (!answer(40us)) ASSERT_LT(now - before, 500us) << "the pause of an idle thread is longer than that";
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(answer(40us));
}

TEST_F(BusyPollTest, a_conversation_whose_sleepers_wake_up_slowly_counts_as_well) {
  fall_asleep();
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(answer(90us));
  EXPECT_TRUE(answer(40us));
}

TEST_F(BusyPollTest, a_few_messages_with_long_waits_between_them_are_no_conversation) {
  fall_asleep();
  int awake = 0;
  for (int i = 0; i < 100; ++i) {
    for (int message = 0; message < 7; ++message) awake += answer(10us) ? 1 : 0;
    awake += answer(1ms) ? 1 : 0;
  }
  EXPECT_EQ(awake, 0);
}

TEST_F(BusyPollTest, messages_that_come_just_too_slowly_cost_fewer_and_fewer_looks) {
  auto looks_for_messages_in_a_second = [this] {
    int looks = 0;
    for (const auto end = now + 1s; now < end;) {
      const auto due = now + 90us;
      if (poll.begin(now)) {
        ++looks;
        while (poll.go_on(now)) now += 1us;
      }
      now = due;
      poll.woken(now);
    }
    return looks;
  };
  looks_for_messages_in_a_second();
  EXPECT_LE(looks_for_messages_in_a_second(), 30) << "of 11,111 messages";
}

TEST_F(BusyPollTest, does_not_look_while_others_want_the_cpus_and_starts_again_when_they_are_gone) {
  scarce = true;
  for (const auto end = now + 1s; now < end; now += 1ms) EXPECT_FALSE(answer(10us));
  EXPECT_LE(asked, 201);
  scarce = false;
  now += 5ms;
  EXPECT_TRUE(answer(10us));
}

TEST_F(BusyPollTest, stops_within_milliseconds_when_others_come) {
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(answer(10us));
  scarce = true;
  const auto before = now;
  while (answer(10us)) ASSERT_LT(now - before, 6ms);
}

TEST_F(BusyPollTest, sleeps_after_its_cpu_was_given_to_somebody_else_and_a_little_longer_each_time) {
  Duration last{0};
  for (int i = 0; i < 5; ++i) {
    lose_the_cpu();
    const auto before = now;
    while (!answer(10us)) {
    }
    EXPECT_GE(now - before, std::min<Duration>(last * 3 / 2, 4ms)) << "whatever conversation goes on meanwhile";
    last = now - before;
  }
  EXPECT_GE(last, 4ms);
  EXPECT_LE(last, 5ms) << "a machine with many small programs is not asleep for most of the time";
}

TEST_F(BusyPollTest, a_streak_of_good_looks_makes_it_forget_the_bad_news) {
  for (int i = 0; i < 10; ++i) lose_the_cpu();
  now += 256ms;
  for (int i = 0; i < 64 * 10; ++i) ASSERT_TRUE(answer(10us));
  lose_the_cpu();
  now += 1ms;
  EXPECT_TRUE(look_in_vain()) << "the pause is the least again";
}

// Of two that talk to each other on two CPUs one looks while the other runs; a third thread is the client that both wait for.
TEST(BusyPoll, one_thread_more_than_there_are_cpus_may_want_to_run_and_where_there_is_one_cpu_none) {
  EXPECT_FALSE(BusyPoll::too_many_run("0.20 0.18 0.12 1/80 11206", 2));
  EXPECT_FALSE(BusyPoll::too_many_run("0.20 0.18 0.12 3/80 11206", 2));
  EXPECT_TRUE(BusyPoll::too_many_run("0.20 0.18 0.12 4/80 11206", 2));
  EXPECT_FALSE(BusyPoll::too_many_run("10.00 9.00 8.00 17/2048 11206", 16));
  EXPECT_TRUE(BusyPoll::too_many_run("10.00 9.00 8.00 18/2048 11206", 16));
  EXPECT_FALSE(BusyPoll::too_many_run("0.20 0.18 0.12 1/80 11206", 1));
  EXPECT_TRUE(BusyPoll::too_many_run("0.20 0.18 0.12 2/80 11206", 1));
}

TEST(BusyPoll, what_the_system_does_not_say_counts_as_too_many) {
  for (const char* text : {"", "0.20 0.18 0.12", "3/80", "0.20 0.18 0.12 x/80 11206", "0.20 0.18 0.12 /80 11206"})
    EXPECT_TRUE(BusyPoll::too_many_run(text, 64)) << text;
}

TEST(BusyPoll, without_a_limit_never_looks) {
  BusyPoll poll(0us, {.are_scarce = [] { return false; }, .give_way = [] {}});
  EXPECT_FALSE(poll.begin(BusyPoll::Clock::now()));
}

TEST(BusyPoll, a_loop_that_looks_on_runs_what_is_posted_and_stops) {
  Loop loop("busy", 1, 50us);
  int ran = 0;
  for (int i = 0; i < 1'000; ++i) {
    struct Add {
      static Task<int> one(int* to) { co_return ++*to; }
    };
    EXPECT_EQ(block_on(loop.executor(), Add::one(&ran)), i + 1);
  }
  loop.stop();
}

}  // namespace
}  // namespace forebay::async
