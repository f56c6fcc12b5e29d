#include "fuse/follow_caller.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <vector>

namespace forebay::fuse {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr pid_t kThread = 100, kOther = 101;

class FollowCallerTest : public testing::Test {
 protected:
  // So many small requests, 100 µs apart.
  void requests(int count, pid_t thread = kThread, size_t moves = 4096) {
    for (int i = 0; i < count; ++i) follow_.took(now_ += microseconds(100), thread, moves);
  }
  void after(Duration pause) { now_ += pause; }

  FollowCaller::Clock::time_point now_{std::chrono::hours(1)};
  int program_ = 1, own_ = 0;
  bool is_taken_away_ = false;  // somebody moves the mount back each time
  std::vector<int> moves_;
  int looks_ = 0;
  FollowCaller follow_{{.of = [this](pid_t thread) { return ++looks_, thread == kOther ? -1 : program_; },
                        .own = [this] { return own_; },
                        .move_to =
                            [this](int cpu) {
                              moves_.push_back(cpu);
                              if (!is_taken_away_) own_ = cpu;
                            }}};
};

TEST_F(FollowCallerTest, goes_to_where_a_program_is_that_makes_one_small_request_after_the_other) {
  requests(FollowCaller::kInARow);
  EXPECT_TRUE(moves_.empty());
  requests(1);
  EXPECT_EQ(moves_, std::vector{1});
  requests(1000);
  EXPECT_EQ(moves_.size(), 1u);  // they are together
  program_ = 3;
  requests(1000);
  EXPECT_EQ(moves_, (std::vector{1, 3}));
}

TEST_F(FollowCallerTest, large_requests_pauses_and_unknown_callers_begin_anew) {
  for (int i = 0; i < 10; ++i) {
    requests(FollowCaller::kInARow - 1);
    requests(1, kThread, FollowCaller::kSmall + 1);
    requests(FollowCaller::kInARow - 1);
    requests(1, 0);
    requests(FollowCaller::kInARow - 1);
    after(FollowCaller::kSoon);
  }
  EXPECT_EQ(looks_, 0);
}

TEST_F(FollowCallerTest, a_caller_that_cannot_be_seen_moves_nobody) {
  requests(1000, kOther);
  EXPECT_GT(looks_, 0);
  EXPECT_TRUE(moves_.empty());
}

TEST_F(FollowCallerTest, looks_less_often_while_somebody_else_moves_them_apart_and_again_when_not) {
  is_taken_away_ = true;
  requests(10'000);  // a second
  EXPECT_GT(looks_, std::chrono::seconds(1) / FollowCaller::kMostPause - 1);
  EXPECT_LT(looks_, std::chrono::seconds(1) / FollowCaller::kMostPause + 10);
  is_taken_away_ = false;
  looks_ = 0;
  requests(10'000);
  EXPECT_GT(looks_, std::chrono::seconds(1) / FollowCaller::kLeastPause - 50);
  EXPECT_LE(looks_, std::chrono::seconds(1) / FollowCaller::kLeastPause);
}

// This thread stands for both.
TEST(FollowCallerCpus, finds_a_thread_and_moves_to_each_cpu_without_staying_bound_to_it) {
  const FollowCaller::Cpus cpus = FollowCaller::real_cpus();
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int at_once = 0, allowed = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before)) continue;
    ++allowed;
    cpus.move_to(cpu);
    if (cpus.own() == cpu) ++at_once;  // the system may have moved it on
    ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&before, &after));
  }
  EXPECT_GT(allowed, 0);
  EXPECT_GT(at_once, 0);
  const int seen = cpus.of(gettid());
  ASSERT_GE(seen, 0);
  EXPECT_TRUE(CPU_ISSET(seen, &before));
  cpus.move_to(CPU_SETSIZE);  // none of ours
  cpus.move_to(-1);
  EXPECT_EQ(cpus.of(0x7fffffff), -1);
}

}  // namespace
}  // namespace forebay::fuse
