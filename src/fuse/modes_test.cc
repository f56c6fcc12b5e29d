#include "fuse/modes.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

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
}

}  // namespace
}  // namespace forebay::fuse
