#include "cli/local/role_process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <filesystem>

namespace forebay::cli {
namespace {

class RoleProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "role-process-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory.path = name;
    std::filesystem::create_directory(directory.run());
    std::filesystem::create_directory(directory.log());
  }
  void TearDown() override { std::filesystem::remove_all(directory.path); }

  RoleProcess running(const std::string& script) {
    return {directory, {.name = "worker-1", .arguments = {"-c", script}}, "/bin/sh", obs::null_log()};
  }
  // Until its process has ended; the role has not looked yet.
  static void wait_for_end(const RoleProcess& role) {
    pollfd gone{role.descriptor(), POLLIN, 0};
    ASSERT_EQ(poll(&gone, 1, 60'000), 1);
  }

  Directory directory;
};

TEST_F(RoleProcessTest, one_that_dies_is_started_again) {
  RoleProcess role = running("echo last words >&2; kill -9 $$");
  ASSERT_TRUE(role.start());
  wait_for_end(role);
  role.look(true);
  EXPECT_EQ(role.state(), RoleState::kBackoff);
  EXPECT_EQ(role.last_words(), "last words");
  EXPECT_EQ(role.describe()["reason"], "killed by Killed");
  role.look(true);
  EXPECT_EQ(role.state(), RoleState::kStarting) << "at once, after the first death";
  wait_for_end(role);
  role.look(false);
  EXPECT_EQ(role.state(), RoleState::kStopped);
}

TEST_F(RoleProcessTest, one_that_waits_to_be_started_again_is_not_when_the_cluster_stops) {
  RoleProcess role = running("kill -9 $$");
  ASSERT_TRUE(role.start());
  wait_for_end(role);
  role.look(true);
  ASSERT_EQ(role.state(), RoleState::kBackoff);
  role.look(false);
  EXPECT_EQ(role.state(), RoleState::kStopped);
  EXPECT_EQ(role.descriptor(), -1);
  role.look(true);
  EXPECT_EQ(role.state(), RoleState::kStopped) << "nor later";
}

TEST_F(RoleProcessTest, a_usage_error_at_the_first_start_is_final) {
  RoleProcess role = running("exit 2");
  ASSERT_TRUE(role.start());
  wait_for_end(role);
  role.look(true);
  EXPECT_TRUE(role.failed_for_good());
  EXPECT_EQ(role.state(), RoleState::kStopped);
}

}  // namespace
}  // namespace forebay::cli
