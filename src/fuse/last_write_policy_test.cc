#include "fuse/last_write_policy.h"

#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

constexpr InodeId kDir{10}, kOther{11};

TEST(LastWritePolicy, files_written_once_in_a_row_make_it_expect_another) {
  LastWritePolicy policy;
  for (uint32_t i = 0; i < LastWritePolicy::kSingleInARow; ++i) {
    EXPECT_FALSE(policy.is_first_the_last(kDir));
    policy.made(kDir, 1);
  }
  EXPECT_TRUE(policy.is_first_the_last(kDir));
  EXPECT_FALSE(policy.is_first_the_last(kOther));
  policy.made(kDir, 0);  // an empty file says nothing
  EXPECT_TRUE(policy.is_first_the_last(kDir));
}

TEST(LastWritePolicy, a_file_written_twice_ends_that_at_once) {
  LastWritePolicy policy;
  for (int i = 0; i < 100; ++i) policy.made(kDir, 1);
  policy.made(kDir, 2);
  EXPECT_FALSE(policy.is_first_the_last(kDir));
  for (uint32_t i = 0; i < LastWritePolicy::kSingleInARow; ++i) policy.made(kDir, 1);
  EXPECT_TRUE(policy.is_first_the_last(kDir));
}

}  // namespace
}  // namespace forebay::fuse
