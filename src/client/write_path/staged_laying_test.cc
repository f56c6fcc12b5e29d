#include "client/write_path/staged_laying.h"

#include <gtest/gtest.h>

namespace forebay::client {
namespace {

using Ranges = std::vector<os::StoredRange>;

TEST(StagedLaying, what_others_wrote_is_cut_out_of_the_ranges) {
  const Ranges ranges{{10, 20}, {30, 40}};
  EXPECT_EQ(without(ranges, 12, 15), (Ranges{{10, 12}, {15, 20}, {30, 40}})) << "in the middle of one";
  EXPECT_EQ(without(ranges, 15, 35), (Ranges{{10, 15}, {35, 40}})) << "over a hole";
  EXPECT_EQ(without(ranges, 0, 20), (Ranges{{30, 40}}));
  EXPECT_EQ(without(ranges, 0, 100), Ranges{});
}

TEST(StagedLaying, what_others_wrote_in_holes_cuts_nothing) {
  const Ranges ranges{{10, 20}, {30, 40}};
  for (const auto& [begin, end] : Ranges{{0, 10}, {20, 30}, {22, 25}, {40, 50}}) EXPECT_EQ(without(ranges, begin, end), ranges);
  EXPECT_EQ(without({}, 0, 10), Ranges{});
}

}  // namespace
}  // namespace forebay::client
