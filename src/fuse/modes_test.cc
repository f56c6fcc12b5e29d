#include "fuse/modes.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

constexpr ObjectId kFile{7}, kOther{8};

TEST(Modes, ordinary_opens_use_the_page_cache) {
  for (int flags : {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_RDONLY | O_APPEND, O_RDWR | O_DIRECT})
    EXPECT_EQ(choose_data_mode({.flags = flags}), DataMode::kCached) << flags;
}

TEST(Modes, appends_are_not_filed_under_the_end_that_the_kernel_knows) {
  EXPECT_EQ(choose_data_mode({.flags = O_WRONLY | O_APPEND}), DataMode::kDirect);
  EXPECT_EQ(choose_data_mode({.flags = O_RDWR | O_APPEND}), DataMode::kDirect);
}

TEST(Modes, a_mount_without_page_cache_opens_everything_direct) {
  EXPECT_EQ(choose_data_mode({.flags = O_RDONLY, .page_cache = false}), DataMode::kDirect);
  EXPECT_EQ(choose_data_mode({.flags = O_RDONLY, .page_cache = false, .passthrough = true, .backing = kFile}), DataMode::kDirect);
}

TEST(Modes, a_file_that_is_one_file_of_this_host_passes_through) {
  OpenFacts facts{.flags = O_RDWR, .passthrough = true, .backing = kFile, .backing_takes_writes = true};
  EXPECT_EQ(choose_data_mode(facts), DataMode::kPassthrough);
  facts.passthrough = false;
  EXPECT_EQ(choose_data_mode(facts), DataMode::kCached) << "the kernel cannot";
  facts = {.flags = O_RDONLY, .passthrough = true};
  EXPECT_EQ(choose_data_mode(facts), DataMode::kCached) << "there is none";
}

TEST(Modes, all_opens_of_an_inode_have_one_file_or_none) {
  OpenFacts facts{.flags = O_RDONLY, .passthrough = true, .backing = kFile};
  EXPECT_EQ(choose_data_mode(facts, {.cached = 1}), DataMode::kCached);
  EXPECT_EQ(choose_data_mode(facts, {.direct = 1}), DataMode::kCached) << "somebody may write past it";
  EXPECT_EQ(choose_data_mode(facts, {.backed = 1, .backing = kFile}), DataMode::kPassthrough);
  EXPECT_EQ(choose_data_mode(facts, {.backed = 1, .backing = kOther}), DataMode::kBeside);
  facts.backing = ObjectId{};
  EXPECT_EQ(choose_data_mode(facts, {.backed = 1, .backing = kOther}), DataMode::kBeside);
  facts = {.flags = O_RDWR, .passthrough = true, .backing = kFile, .backing_takes_writes = true};
  EXPECT_EQ(choose_data_mode(facts, {.direct = 1}), DataMode::kPassthrough) << "the daemon writes to the same file";
}

TEST(Modes, while_others_pass_through_no_flag_makes_an_open_fail) {
  for (int flags : {O_RDONLY | O_DIRECT, O_WRONLY | O_APPEND, O_RDWR | O_DIRECT})
    for (bool page_cache : {true, false}) {
      const OpenFacts facts{.flags = flags, .page_cache = page_cache, .passthrough = false, .backing = kFile};
      EXPECT_TRUE(is_backed(choose_data_mode(facts, {.backed = 1, .backing = kFile}))) << flags;
    }
}

TEST(Modes, new_files_are_staged_unless_they_are_appended_to_or_direct) {
  EXPECT_TRUE(wants_staging({.flags = O_WRONLY, .passthrough = true}));
  EXPECT_FALSE(wants_staging({.flags = O_WRONLY}));
  EXPECT_FALSE(wants_staging({.flags = O_WRONLY | O_APPEND, .passthrough = true}));
  EXPECT_FALSE(wants_staging({.flags = O_RDWR | O_DIRECT, .passthrough = true}));
}

}  // namespace
}  // namespace forebay::fuse
