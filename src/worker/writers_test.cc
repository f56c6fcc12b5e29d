#include "worker/writers.h"

#include <gtest/gtest.h>

#include "os/simulation.h"

namespace forebay::worker {
namespace {

using std::chrono::milliseconds;

// Two workers of one host.
class WritersTest : public testing::Test {
 protected:
  WritersTest() { EXPECT_TRUE(process->env().files.make_directories("/run")); }

  std::unique_ptr<Writers> worker(const std::string& host_file) {
    return std::make_unique<Writers>(process->env(), host_file, obs::null_log());
  }
  void pass(Duration time) { ASSERT_TRUE(world.complete(process->env().clock.sleep(time, {}), std::chrono::hours(1))); }

  os::SimWorld world{{}};
  std::shared_ptr<os::SimProcess> process = world.start_process("w", "worker");  // shared with the world's list
};

TEST_F(WritersTest, a_file_that_was_begun_counts_until_it_would_have_been_seen_growing) {
  auto writers = worker("");
  EXPECT_FALSE(writers->are_active());
  writers->began();
  EXPECT_TRUE(writers->are_active());
  pass(Writers::kLooksOn - milliseconds(1));
  EXPECT_TRUE(writers->are_active());
  pass(milliseconds(1));
  EXPECT_FALSE(writers->are_active());
}

TEST_F(WritersTest, a_few_bytes_now_and_then_are_not_writing) {
  auto writers = worker("");
  for (int second = 0; second < 20; ++second) {
    writers->wrote(Writers::kMuch / 2);
    EXPECT_FALSE(writers->are_active());
    pass(std::chrono::seconds(1));
  }
  writers->wrote(Writers::kMuch / 2);
  writers->wrote(Writers::kMuch / 2);
  EXPECT_TRUE(writers->are_active());
}

TEST_F(WritersTest, workers_of_one_host_hear_of_each_others) {
  auto one = worker("/run/writers"), other = worker("/run/writers"), apart = worker("");
  EXPECT_FALSE(other->are_active());
  one->began();
  pass(milliseconds(10));
  EXPECT_TRUE(other->are_active());
  EXPECT_FALSE(apart->are_active());
  for (int look = 0; look < 40; ++look) {
    pass(milliseconds(100));
    one->wrote(Writers::kMuch);
    EXPECT_TRUE(other->are_active());
  }
  pass(Writers::kLooksOn);
  EXPECT_FALSE(other->are_active());
}

TEST_F(WritersTest, a_host_file_that_cannot_be_made_leaves_each_worker_with_its_own) {
  auto one = worker("/nowhere/writers"), other = worker("/nowhere/writers");
  one->began();
  pass(milliseconds(10));
  EXPECT_TRUE(one->are_active());
  EXPECT_FALSE(other->are_active());
}

}  // namespace
}  // namespace forebay::worker
