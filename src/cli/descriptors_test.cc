#include "cli/roles/descriptors.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

TEST(Descriptors, are_never_promised_twice) {
  for (uint64_t limit : {64u, 256u, 1024u, 4096u, 12'500u, 20'000u, 65'536u, 1'048'576u}) {
    const DescriptorShare share = share_descriptors(limit);
    EXPECT_LE(share.connections + share.open_objects, limit - std::min<uint64_t>(limit / 4, 512)) << limit;
    EXPECT_GT(share.connections, 0u) << limit;
    EXPECT_GT(share.open_objects, 0u) << limit;
  }
}

TEST(Descriptors, leave_room_for_ten_thousand_connections_where_the_system_allows_12500) {
  EXPECT_GE(share_descriptors(12'500).connections, 10'000u);
  EXPECT_EQ(share_descriptors(65'536).connections, 12'000u);
  EXPECT_EQ(share_descriptors(65'536).open_objects, 4096u);
}

}  // namespace
}  // namespace forebay::cli
