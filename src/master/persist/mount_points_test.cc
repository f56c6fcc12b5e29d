#include "master/persist/mount_points.h"

#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class MountPointsTest : public PersistWorld {
 protected:
  v1::MountPoint only_point() {
    auto listed = run(ops::list_mount_points, v1::Empty{});
    EXPECT_TRUE(listed);
    EXPECT_EQ(listed->points_size(), 1);
    return listed && listed->points_size() == 1 ? listed->points(0) : v1::MountPoint{};
  }
  v1::FindStoredReply stored(const std::string& key) {
    v1::FindStoredRequest request;
    request.set_mount(1);
    request.set_key(key);
    auto found = run(ops::find_stored, request);
    EXPECT_TRUE(found);
    return found.value_or(v1::FindStoredReply{});
  }
  Result<v1::AddMountReply> add_with(const std::string& path, const std::map<std::string, std::string>& options) {
    v1::AddMountRequest request;
    request.set_path(path);
    request.set_uri("memory://other");
    for (const auto& [name, value] : options) {
      v1::MountOption& option = *request.add_options();
      option.set_name(name);
      option.set_value(value);
    }
    return run(ops::add_mount, request);
  }
};

TEST_F(MountPointsTest, a_mount_makes_the_directory_that_it_covers_and_everybody_may_know_where_it_is) {
  ASSERT_TRUE(add_mount("/data/s3"));
  as = {.uid = 1000, .gid = 1000, .groups = {}, .session = as.session};
  const v1::MountPoint point = only_point();
  EXPECT_EQ(point.path(), "/data/s3");
  EXPECT_EQ(point.inode(), inode_of("/data/s3").value);
  EXPECT_EQ(point.parent(), inode_of("/data").value);
  EXPECT_EQ(point.file_mode(), 0644U);
  EXPECT_EQ(point.directory_mode(), 0755U);
  EXPECT_FALSE(point.read_only());
}

TEST_F(MountPointsTest, options_say_how_what_is_below_is_shown) {
  ASSERT_TRUE(
      add_with("/s3", {{"uid", "7"}, {"gid", "8"}, {"file-mode", "600"}, {"directory-mode", "700"}, {"read-only", "true"}}));
  const v1::MountPoint point = only_point();
  EXPECT_EQ(point.uid(), 7U);
  EXPECT_EQ(point.gid(), 8U);
  EXPECT_EQ(point.file_mode(), 0600U);
  EXPECT_EQ(point.directory_mode(), 0700U);
  EXPECT_TRUE(point.read_only());
}

TEST_F(MountPointsTest, a_directory_with_entries_is_not_hidden_by_a_mount) {
  mkdir("/full");
  mkdir("/full/x");
  const auto added = add_mount("/full");
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().is_errno(ENOTEMPTY)) << added.error().to_string();
  mkdir("/empty");
  EXPECT_TRUE(add_mount("/empty"));
}

TEST_F(MountPointsTest, what_a_mount_covers_and_what_is_above_it_stays_where_it_is) {
  ASSERT_TRUE(add_mount("/a/b/s3"));
  mkdir("/c");
  EXPECT_TRUE(rename("/a", "/moved").error().is_errno(EBUSY));
  EXPECT_TRUE(rename("/a/b/s3", "/c/s3").error().is_errno(EBUSY));
  EXPECT_TRUE(rmdir("/a/b/s3").error().is_errno(EBUSY));
  EXPECT_TRUE(rename("/c", "/d"));
}

TEST_F(MountPointsTest, finds_the_file_whose_newest_version_is_at_a_key_and_no_other) {
  start_mapped();
  write_file("/c/f", 100);
  EXPECT_EQ(stored("k/f").inode(), 0U);  // not there yet
  run_all();
  const v1::FindStoredReply found = stored("k/f");
  EXPECT_EQ(found.inode(), inode_of("/c/f").value);
  EXPECT_EQ(found.version(), 1U);
  EXPECT_FALSE(found.identity().empty());
  EXPECT_EQ(found.layout(), stat("/c/f")->layout());
  EXPECT_EQ(stored("k/other").inode(), 0U);
  write_file("/c/f", 200);  // newer than what is at the key
  EXPECT_EQ(stored("k/f").inode(), 0U);
  run_all();
  EXPECT_EQ(stored("k/f").version(), 2U);
}

}  // namespace
}  // namespace forebay::master
