#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <fstream>

#include "fuse/mount_fixture.h"

extern char** environ;

namespace forebay::fuse {
namespace {

// Starts a daemon of its own at the mount point and returns when it serves.
pid_t start_daemon(const std::string& point) {
  const char* argv[] = {FUSE_FAKE_MOUNT, point.c_str(), nullptr};
  pid_t child = 0;
  EXPECT_EQ(::posix_spawn(&child, FUSE_FAKE_MOUNT, nullptr, nullptr, const_cast<char* const*>(argv), environ), 0);
  // The mount shows up in the table before it can be used; the first look at it waits for the daemon.
  for (;;) {
    auto type = mounted_type(point);
    if (type && *type == kMountType) break;
    if (::waitpid(child, nullptr, WNOHANG) == child) {
      ADD_FAILURE() << "the daemon ended";
      return -1;
    }
    ::sched_yield();
  }
  struct stat stat{};
  EXPECT_EQ(::stat(point.c_str(), &stat), 0);
  return child;
}

void kill_daemon(pid_t daemon) {
  ::kill(daemon, SIGKILL);
  EXPECT_EQ(::waitpid(daemon, nullptr, 0), daemon);
}

TEST_F(MountPointTest, an_empty_directory_is_taken) {
  auto point = prepare_mount_point(point_ + "//", log_);
  ASSERT_TRUE(point.has_value()) << point.error().to_string();
  EXPECT_EQ(*point, point_);
}

TEST_F(MountPointTest, a_missing_directory_is_refused_with_the_command_that_makes_it) {
  auto point = prepare_mount_point(folder_ + "/none", log_);
  ASSERT_FALSE(point.has_value());
  EXPECT_TRUE(point.error().is_errno(ENOENT));
  EXPECT_NE(point.error().message().find("mkdir -p " + folder_ + "/none"), std::string::npos);
  point = prepare_mount_point(folder_ + "/none/deeper", log_);
  ASSERT_FALSE(point.has_value());
  EXPECT_TRUE(point.error().is_errno(ENOENT));
}

TEST_F(MountPointTest, a_file_is_refused) {
  std::ofstream(folder_ + "/file") << "x";
  auto point = prepare_mount_point(folder_ + "/file", log_);
  ASSERT_FALSE(point.has_value());
  EXPECT_TRUE(point.error().is_errno(ENOTDIR));
}

TEST_F(MountPointTest, a_directory_with_files_is_refused_and_one_is_named) {
  std::ofstream(point_ + "/precious") << "x";
  auto point = prepare_mount_point(point_, log_);
  ASSERT_FALSE(point.has_value());
  EXPECT_TRUE(point.error().is_errno(ENOTEMPTY));
  EXPECT_NE(point.error().message().find("precious"), std::string::npos);
}

TEST_F(MountPointTest, a_live_mount_is_refused_and_goes_on) {
  const pid_t daemon = start_daemon(point_);
  auto point = prepare_mount_point(point_, log_);
  ASSERT_FALSE(point.has_value());
  EXPECT_TRUE(point.error().is_errno(EBUSY));
  EXPECT_NE(point.error().message().find("already mounted"), std::string::npos);
  struct stat stat{};
  EXPECT_EQ(::stat(point_.c_str(), &stat), 0);
  kill_daemon(daemon);
}

TEST_F(MountPointTest, the_mount_of_a_killed_daemon_is_replaced) {
  kill_daemon(start_daemon(point_));
  struct stat stat{};
  ASSERT_EQ(errno_of(::open(point_.c_str(), O_RDONLY)), ENOTCONN);
  const pid_t next = start_daemon(point_);
  EXPECT_EQ(::stat(point_.c_str(), &stat), 0);
  kill_daemon(next);
  EXPECT_TRUE(prepare_mount_point(point_, log_).has_value());
  EXPECT_EQ(*mounted_type(point_), "");
}

TEST_F(MountPointTest, an_asked_daemon_leaves_nothing_mounted) {
  const pid_t daemon = start_daemon(point_);
  ::kill(daemon, SIGTERM);
  int status = -1;
  EXPECT_EQ(::waitpid(daemon, &status, 0), daemon);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(*mounted_type(point_), "");
}

TEST_F(MountPointTest, blanks_in_the_path_are_found_in_the_mount_table) {
  const std::string point = folder_ + "/a b";
  ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
  const pid_t daemon = start_daemon(point);
  EXPECT_EQ(*mounted_type(point), kMountType);
  kill_daemon(daemon);
  EXPECT_TRUE(unmount(point, Unmount::kDetach).has_value());
}

TEST_F(MountPointTest, a_missing_device_is_explained) {
  auto usable = check_device((folder_ + "/fuse").c_str());
  ASSERT_FALSE(usable.has_value());
  EXPECT_TRUE(usable.error().is_errno(ENOENT));
  EXPECT_NE(usable.error().message().find("modprobe fuse"), std::string::npos);
}

}  // namespace
}  // namespace forebay::fuse
