#include "fuse/convert.h"

#include <fuse3/fuse_lowlevel.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <limits>

namespace forebay::fuse {
namespace {

TEST(Convert, types_survive_the_way_to_the_kernel_and_back) {
  for (int type = v1::FILE_TYPE_REGULAR; type <= v1::FILE_TYPE_BLOCK; ++type)
    EXPECT_EQ(from_type_bits(to_type_bits(static_cast<v1::FileType>(type))), type);
  EXPECT_EQ(to_type_bits(v1::FILE_TYPE_UNSPECIFIED), 0u);
  EXPECT_EQ(from_type_bits(0), v1::FILE_TYPE_UNSPECIFIED);
}

TEST(Convert, times_before_1970_have_nanoseconds_in_range) {
  const timespec time = to_timespec(-1);
  EXPECT_EQ(time.tv_sec, -1);
  EXPECT_EQ(time.tv_nsec, 999'999'999);
  for (int64_t nanos : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{-1'000'000'000}, int64_t{1'700'000'000'123'456'789}})
    EXPECT_EQ(from_timespec(to_timespec(nanos)), nanos);
}

TEST(Convert, times_that_nanoseconds_cannot_hold_saturate) {
  EXPECT_EQ(from_timespec({.tv_sec = std::numeric_limits<int64_t>::max(), .tv_nsec = 0}), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(from_timespec({.tv_sec = std::numeric_limits<int64_t>::min(), .tv_nsec = 0}), std::numeric_limits<int64_t>::min());
}

TEST(Convert, attributes_become_what_stat_shows) {
  v1::Attr attr;
  attr.set_inode(7);
  attr.set_type(v1::FILE_TYPE_REGULAR);
  attr.set_mode(04755);
  attr.set_uid(1000);
  attr.set_gid(100);
  attr.set_nlink(3);
  attr.set_size(5'000'000'000);
  attr.set_stored_bytes(513);
  attr.set_mtime_ns(1'500'000'000'000'000'001);
  const struct stat stat = to_stat(attr);
  EXPECT_EQ(stat.st_ino, 7u);
  EXPECT_EQ(stat.st_mode, mode_t{S_IFREG | 04755});
  EXPECT_EQ(stat.st_uid, 1000u);
  EXPECT_EQ(stat.st_gid, 100u);
  EXPECT_EQ(stat.st_nlink, 3u);
  EXPECT_EQ(stat.st_size, 5'000'000'000);
  EXPECT_EQ(stat.st_blocks, 2);
  EXPECT_EQ(stat.st_mtim.tv_sec, 1'500'000'000);
  EXPECT_EQ(stat.st_mtim.tv_nsec, 1);
}

TEST(Convert, a_changed_attribute_is_asked_for_and_no_other) {
  struct stat wanted{};
  wanted.st_mode = S_IFREG | 0600;
  wanted.st_size = 42;
  const v1::SetAttrRequest mode = to_set_attr(9, wanted, FUSE_SET_ATTR_MODE);
  EXPECT_EQ(mode.inode(), 9u);
  EXPECT_EQ(mode.mode(), 0600u);
  EXPECT_FALSE(mode.has_size() || mode.has_uid() || mode.has_gid() || mode.has_atime_ns() || mode.has_mtime_ns());
  const v1::SetAttrRequest size = to_set_attr(9, wanted, FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_UID);
  EXPECT_EQ(size.size(), 42u);
  EXPECT_TRUE(size.has_uid());
  EXPECT_FALSE(size.has_mode());
}

TEST(Convert, now_is_left_to_the_masters_clock) {
  struct stat wanted{};
  wanted.st_atim = {.tv_sec = 5, .tv_nsec = 6};
  wanted.st_mtim = {.tv_sec = 7, .tv_nsec = 8};
  const v1::SetAttrRequest now = to_set_attr(1, wanted, FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME);
  EXPECT_TRUE(now.atime_now());
  EXPECT_FALSE(now.has_atime_ns());
  EXPECT_FALSE(now.mtime_now());
  EXPECT_EQ(now.mtime_ns(), 7'000'000'008);
}

TEST(Convert, space_is_counted_in_fragments) {
  v1::StatFsReply space;
  space.set_total_bytes(1 << 20);
  space.set_free_bytes(1 << 19);
  space.set_files(10);
  const struct statvfs out = to_statvfs(space);
  EXPECT_EQ(out.f_blocks * out.f_frsize, 1u << 20);
  EXPECT_EQ(out.f_bavail * out.f_frsize, 1u << 19);
  EXPECT_EQ(out.f_files - out.f_ffree, 10u);
  EXPECT_EQ(out.f_namemax, 255u);
}

}  // namespace
}  // namespace forebay::fuse
