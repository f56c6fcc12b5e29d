#include "fuse/directory_streaks.h"

#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

constexpr InodeId kHere{5}, kElse{6};

TEST(DirectoryStreaks, so_many_in_a_row_are_enough_until_there_is_another) {
  DirectoryStreaks streaks(2);
  streaks.add(kHere);
  EXPECT_FALSE(streaks.is_enough(kHere));
  for (int i = 0; i < 100; ++i) streaks.add(kHere);
  EXPECT_TRUE(streaks.is_enough(kHere));
  EXPECT_FALSE(streaks.is_enough(kElse));
  streaks.end(kHere);
  EXPECT_FALSE(streaks.is_enough(kHere));
  streaks.add(kHere);
  EXPECT_FALSE(streaks.is_enough(kHere)) << "it began anew";
}

TEST(DirectoryStreaks, too_many_directories_are_all_forgotten) {
  DirectoryStreaks streaks(1);
  for (uint64_t id = 1; id <= DirectoryStreaks::kMostDirectories; ++id) streaks.add(InodeId{id});
  EXPECT_TRUE(streaks.is_enough(InodeId{1}));
  streaks.add(InodeId{1});
  EXPECT_TRUE(streaks.is_enough(InodeId{2})) << "one that is known takes no place";
  streaks.add(InodeId{DirectoryStreaks::kMostDirectories + 1});
  EXPECT_FALSE(streaks.is_enough(InodeId{1}));
  EXPECT_TRUE(streaks.is_enough(InodeId{DirectoryStreaks::kMostDirectories + 1}));
}

}  // namespace
}  // namespace forebay::fuse
