#include "fuse/stage_policy.h"

#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

constexpr InodeId kHere{5}, kElse{6};

TEST(StagePolicy, a_file_is_staged_until_those_before_it_in_its_directory_were_short) {
  StagePolicy policy(1000);
  EXPECT_TRUE(policy.wants(kHere));
  policy.made(kHere, 10);
  EXPECT_TRUE(policy.wants(kHere)) << "one may be a marker";
  policy.made(kHere, 999);
  EXPECT_FALSE(policy.wants(kHere));
  EXPECT_TRUE(policy.wants(kElse));
  policy.made(kHere, 1000);
  EXPECT_TRUE(policy.wants(kHere));
}

TEST(StagePolicy, without_a_limit_every_file_is_staged) {
  StagePolicy policy(0);
  for (int i = 0; i < 5; ++i) policy.made(kHere, 1);
  EXPECT_TRUE(policy.wants(kHere));
}

}  // namespace
}  // namespace forebay::fuse
