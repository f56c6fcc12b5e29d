#include "master/namespace/permission.h"
#include "master/ops/world.h"

namespace forebay::master {
namespace {

v1::SetAttrRequest times(std::optional<int64_t> atime, std::optional<int64_t> mtime, bool atime_now = false,
                         bool mtime_now = false) {
  v1::SetAttrRequest request;
  if (atime) request.set_atime_ns(*atime);
  if (mtime) request.set_mtime_ns(*mtime);
  request.set_atime_now(atime_now);
  request.set_mtime_now(mtime_now);
  return request;
}

class SetAttrTest : public World {
 protected:
  SetAttrTest() {
    EXPECT_TRUE(mkdir("/d"));
    EXPECT_TRUE(mknod("/f", v1::FILE_TYPE_REGULAR));
    EXPECT_TRUE(chown("/f", 5, 50));
    EXPECT_TRUE(chmod("/f", 0644));
    tick();
  }
};

TEST_F(SetAttrTest, chmod_is_the_owners_and_the_superusers) {
  as = user(5, 50);
  auto changed = chmod("/f", 07600);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->mode(), 07600u);
  EXPECT_EQ(changed->ctime_ns(), now_ns());
  EXPECT_LT(changed->mtime_ns(), now_ns());
  as = user(6, 50);
  EXPECT_EQ(error_of(chmod("/f", 0777)), EPERM);
  EXPECT_EQ(stat("/f")->mode(), 07600u);
  as = root();
  EXPECT_EQ(chmod("/f", 0640)->mode(), 0640u);
  EXPECT_EQ(chmod("/f", 0177777)->mode(), 07777u) << "type bits are not the mode's";
  ASSERT_TRUE(symlink("f", "/s"));
  EXPECT_EQ(error_of(chmod("/s", 0600)), EOPNOTSUPP);
}

TEST_F(SetAttrTest, chmod_drops_setgid_of_a_group_that_the_owner_is_not_in) {
  as = user(5, 51);
  EXPECT_EQ(chmod("/f", 02755)->mode(), 0755u);
  as = user(5, 51, {50});
  EXPECT_EQ(chmod("/f", 02755)->mode(), 02755u);
  as = root();
  EXPECT_EQ(chmod("/f", 02755)->mode(), 02755u);
}

TEST_F(SetAttrTest, owners_may_give_a_file_to_their_groups_only) {
  as = user(5, 51, {52, 53});
  EXPECT_EQ(error_of(chown("/f", 6, std::nullopt)), EPERM);
  EXPECT_EQ(error_of(chown("/f", std::nullopt, 54)), EPERM);
  EXPECT_EQ(error_of(chown("/f", 5, 50)), 0) << "nothing changes";
  EXPECT_EQ(chown("/f", 5, 52)->gid(), 52u);
  EXPECT_EQ(chown("/f", std::nullopt, 51)->gid(), 51u);
  as = user(6, 51);
  EXPECT_EQ(error_of(chown("/f", std::nullopt, 51)), EPERM);
  EXPECT_EQ(error_of(chown("/f", 6, std::nullopt)), EPERM);
  as = root();
  auto given = chown("/f", 7, 70);
  ASSERT_TRUE(given);
  EXPECT_EQ(given->uid(), 7u);
  EXPECT_EQ(given->gid(), 70u);
  EXPECT_EQ(given->ctime_ns(), now_ns());
}

TEST_F(SetAttrTest, chown_takes_set_id_bits_away_but_not_from_directories) {
  as = root();
  ASSERT_TRUE(chmod("/f", 06755));
  EXPECT_EQ(chown("/f", 5, 51)->mode(), 0755u);
  ASSERT_TRUE(chmod("/f", 06755));
  as = user(5, 51, {52});
  EXPECT_EQ(chown("/f", std::nullopt, 52)->mode(), 0755u);
  as = root();
  ASSERT_TRUE(chmod("/f", 06745));
  EXPECT_EQ(chown("/f", 5, 50)->mode(), 02745u) << "not executable by the group: not a set-group-id program";
  ASSERT_TRUE(chmod("/d", 06755));
  EXPECT_EQ(chown("/d", 5, 50)->mode(), 06755u);
}

TEST_F(SetAttrTest, a_mode_given_with_an_owner_is_taken_as_it_is) {
  v1::SetAttrRequest request;
  request.set_uid(8);
  request.set_mode(04711);
  auto changed = set_attr("/f", request);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->mode(), 04711u);
  EXPECT_EQ(changed->uid(), 8u);
}

TEST_F(SetAttrTest, nothing_asked_is_nothing_changed) {
  as = user(6, 6);
  auto same = set_attr("/f", {});
  ASSERT_TRUE(same);
  EXPECT_LT(same->ctime_ns(), now_ns());
}

TEST_F(SetAttrTest, chosen_times_are_the_owners) {
  ASSERT_TRUE(chmod("/f", 0666));
  as = user(6, 6);
  EXPECT_EQ(error_of(set_attr("/f", times(1, 2))), EPERM);
  EXPECT_EQ(error_of(set_attr("/f", times(1, std::nullopt))), EPERM);
  EXPECT_EQ(error_of(set_attr("/f", times(std::nullopt, 2))), EPERM);
  EXPECT_EQ(error_of(set_attr("/f", times(std::nullopt, 2, true))), EPERM);
  EXPECT_EQ(error_of(set_attr("/f", times(std::nullopt, std::nullopt, true, false))), EPERM);
  EXPECT_EQ(error_of(set_attr("/f", times(std::nullopt, std::nullopt, false, true))), EPERM);
  EXPECT_EQ(error_of(set_attr("/f", times(std::nullopt, std::nullopt, true, true))), 0) << "may write";
  as = user(5, 50);
  auto set = set_attr("/f", times(-5, 4'000'000'000'123'456'789));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->atime_ns(), -5);
  EXPECT_EQ(set->mtime_ns(), 4'000'000'000'123'456'789);
  EXPECT_EQ(set->ctime_ns(), now_ns());
  set = set_attr("/f", times(7, std::nullopt, false, true));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->atime_ns(), 7);
  EXPECT_EQ(set->mtime_ns(), now_ns());
}

TEST_F(SetAttrTest, the_present_time_is_for_those_who_may_write) {
  auto both_now = times(std::nullopt, std::nullopt, true, true);
  as = user(6, 6);
  EXPECT_EQ(error_of(set_attr("/f", both_now)), EACCES);
  as = user(5, 50);
  ASSERT_TRUE(chmod("/f", 0444));
  EXPECT_EQ(error_of(set_attr("/f", both_now)), 0) << "the owner";
  EXPECT_EQ(stat("/f")->atime_ns(), now_ns());
}

TEST_F(SetAttrTest, truncation_needs_write_permission_or_a_handle) {
  as = user(6, 6);
  EXPECT_EQ(error_of(truncate("/f", 10)), EACCES);
  as = user(5, 50);
  EXPECT_EQ(truncate("/f", 10)->size(), 10u);
  EXPECT_EQ(stat("/f")->mtime_ns(), now_ns());
  EXPECT_EQ(stat("/f")->version(), 2u);
  auto opened = open("/f", v1::ACCESS_WRITE);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(chmod("/f", 0));
  EXPECT_EQ(error_of(truncate("/f", 20)), EACCES);
  HandleId handle{opened->handle()};
  EXPECT_EQ(truncate("/f", 20, handle)->size(), 20u);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(code_of(truncate("/f", 30, handle)), Code::kStale);
  EXPECT_EQ(stat("/f")->version(), 3u);
}

TEST_F(SetAttrTest, a_handle_is_good_for_its_own_file_and_session_only) {
  write_file("/g", 10);
  auto opened = open("/g", v1::ACCESS_WRITE);
  ASSERT_TRUE(opened);
  HandleId handle{opened->handle()};
  EXPECT_EQ(error_of(truncate("/f", 1, handle)), EINVAL);
  as.session = SessionId{8};
  EXPECT_EQ(code_of(truncate("/g", 1, handle)), Code::kStale);
  as = root();
  ASSERT_TRUE(close(handle));
}

TEST_F(SetAttrTest, only_regular_files_are_truncated_and_not_beyond_the_largest_offset) {
  ASSERT_TRUE(symlink("x", "/s"));
  ASSERT_TRUE(mknod("/p", v1::FILE_TYPE_FIFO));
  EXPECT_EQ(error_of(truncate("/d", 0)), EISDIR);
  EXPECT_EQ(error_of(truncate("/s", 0)), EINVAL);
  EXPECT_EQ(error_of(truncate("/p", 0)), EINVAL);
  EXPECT_EQ(error_of(truncate("/f", uint64_t{1} << 63)), EFBIG);
  EXPECT_EQ(truncate("/f", INT64_MAX)->size(), static_cast<uint64_t>(INT64_MAX));
  v1::SetAttrRequest request;
  request.set_size(1);
  request.set_inode(99);
  EXPECT_EQ(error_of(run(ops::set_attr, request)), ESTALE);
}

TEST_F(SetAttrTest, truncation_by_somebody_else_takes_set_id_bits_away) {
  ASSERT_TRUE(chmod("/f", 06777));
  EXPECT_EQ(truncate("/f", 5)->mode(), 06777u) << "superuser";
  as = user(6, 6);
  EXPECT_EQ(truncate("/f", 6)->mode(), 0777u);
}

TEST_F(SetAttrTest, truncation_to_the_same_size_marks_times_and_nothing_else) {
  uint64_t layout = stat("/f")->layout();
  auto same = truncate("/f", 0);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->mtime_ns(), now_ns());
  EXPECT_EQ(same->ctime_ns(), now_ns());
  EXPECT_EQ(same->layout(), layout);
  EXPECT_EQ(same->version(), 1u);
}

TEST_F(SetAttrTest, one_refused_part_refuses_all) {
  as = user(5, 50);
  v1::SetAttrRequest request;
  request.set_mode(0600);
  request.set_size(10);
  request.set_uid(6);
  EXPECT_EQ(error_of(set_attr("/f", request)), EPERM);
  EXPECT_EQ(stat("/f")->mode(), 0644u);
  EXPECT_EQ(stat("/f")->size(), 0u);
}

// Nine combinations of who asks and what the mode says, for files and for search.
TEST_F(SetAttrTest, permission_bits_are_those_of_the_callers_class) {
  ASSERT_TRUE(chmod("/", 0777));
  struct Case {
    Caller caller;
    uint32_t shift;
  };
  for (const Case& each : {Case{user(5, 99), 6}, Case{user(6, 50), 3}, Case{user(6, 60, {61, 50}), 3}, Case{user(6, 60), 0}}) {
    for (uint32_t bits = 0; bits < 8; ++bits) {
      as = root();
      // The other classes get the opposite: taking the wrong one shows.
      uint32_t mode = (0777u & ~(7u << each.shift) & ((~bits & 7) * 0111)) | (bits << each.shift);
      ASSERT_TRUE(chmod("/f", mode));
      as = each.caller;
      EXPECT_EQ(error_of(open("/f", v1::ACCESS_READ)), (bits & 4) ? 0 : EACCES) << std::oct << mode;
      auto writing = open("/f", v1::ACCESS_WRITE);
      EXPECT_EQ(error_of(writing), (bits & 2) ? 0 : EACCES) << std::oct << mode;
      if (writing) ASSERT_TRUE(close(HandleId{writing->handle()}));
      auto both = open("/f", v1::ACCESS_READ_WRITE);
      EXPECT_EQ(error_of(both), (bits & 6) == 6 ? 0 : EACCES) << std::oct << mode;
      if (both) ASSERT_TRUE(close(HandleId{both->handle()}));
    }
  }
}

TEST_F(SetAttrTest, the_superuser_may_do_everything_but_execute_what_nobody_may) {
  v1::InodeRecord file;
  file.set_type(v1::FILE_TYPE_REGULAR);
  file.set_mode(0666);
  EXPECT_TRUE(may(root(), file, kMayRead | kMayWrite));
  EXPECT_FALSE(may(root(), file, kMayExecute));
  file.set_mode(0001);
  EXPECT_TRUE(may(root(), file, kMayExecute));
  file.set_type(v1::FILE_TYPE_DIRECTORY);
  file.set_mode(0);
  EXPECT_TRUE(may(root(), file, kMayExecute));
}

}  // namespace
}  // namespace forebay::master
