#include "client/compaction/policy.h"

#include <gtest/gtest.h>

namespace forebay::client {
namespace {

constexpr uint64_t kWhole = 100;

// Extents one after the other, each in an object of its own; a negative length is a hole.
std::vector<Extent> layout(std::initializer_list<int64_t> lengths) {
  std::vector<Extent> extents;
  uint64_t offset = 0, object = 0;
  for (int64_t length : lengths) {
    if (length > 0) extents.push_back({offset, static_cast<uint64_t>(length), ObjectId{++object}, 7});
    offset += static_cast<uint64_t>(std::abs(length));
  }
  return extents;
}

std::vector<uint64_t> lengths(const std::vector<Extent>& extents) {
  std::vector<uint64_t> found;
  for (const Extent& extent : extents) found.push_back(extent.length);
  return found;
}

using Lengths = std::vector<uint64_t>;

TEST(CompactionPolicy, small_neighbours_are_chosen_and_whole_extents_are_not) {
  EXPECT_EQ(lengths(choose_extents(layout({10, 20, 30, 100, 40, 50}), kWhole, {})), (Lengths{10, 20, 30, 40, 50}));
}

TEST(CompactionPolicy, what_stands_alone_between_holes_or_whole_extents_stays) {
  EXPECT_TRUE(choose_extents(layout({10, -5, 20, -5, 30}), kWhole, {}).empty());
  EXPECT_TRUE(choose_extents(layout({10, 100, 20, 200, 30}), kWhole, {}).empty());
  EXPECT_TRUE(choose_extents(layout({10}), kWhole, {}).empty());
  EXPECT_TRUE(choose_extents({}, kWhole, {}).empty());
}

TEST(CompactionPolicy, nothing_is_rewritten_unless_the_extents_are_halved) {
  EXPECT_TRUE(choose_extents(layout({10, 20, 100, 200, 300, 400}), kWhole, {}).empty());
  EXPECT_EQ(choose_extents(layout({10, 20, 30, 100}), kWhole, {}).size(), 3u);
}

TEST(CompactionPolicy, compacting_again_finds_nothing) {
  const std::vector<Extent> extents = layout({10, 20, 30, 100, 40, 50, 60, 100});
  const auto once = rewritten(choose_extents(extents, kWhole, {}), ObjectId{99});
  EXPECT_EQ(once.size(), 2u);
  EXPECT_TRUE(choose_extents(layout({60, 100, 150, 100}), kWhole, {}).empty());
}

TEST(CompactionPolicy, what_is_left_in_a_dead_object_is_chosen_whatever_its_length) {
  EXPECT_EQ(lengths(choose_extents(layout({500, 100, 600}), kWhole, {ObjectId{3}})), (Lengths{600}));
}

TEST(CompactionPolicy, objects_are_dead_when_less_than_half_is_used_and_together_they_keep_enough) {
  std::map<ObjectId, ObjectUse> uses{{ObjectId{1}, {10, 100}}, {ObjectId{2}, {50, 100}}, {ObjectId{3}, {49, 100}}};
  EXPECT_EQ(mostly_dead(uses, 141), (std::set<ObjectId>{ObjectId{1}, ObjectId{3}}));
  EXPECT_TRUE(mostly_dead(uses, 142).empty());
  EXPECT_TRUE(mostly_dead({{ObjectId{1}, {10, 0}}}, 0).empty());  // its length is not known: it is being written
}

TEST(CompactionPolicy, a_slice_ends_in_the_middle_of_an_extent) {
  std::vector<Extent> chosen = layout({10, 20, 30});
  EXPECT_EQ(lengths(take_slice(chosen, 15)), (Lengths{10, 5}));
  EXPECT_EQ(lengths(chosen), (Lengths{15, 30}));
  EXPECT_EQ(chosen.front().offset, 15u);
  EXPECT_EQ(chosen.front().object_offset, 12u);
  EXPECT_EQ(lengths(take_slice(chosen, 1000)), (Lengths{15, 30}));
  EXPECT_TRUE(chosen.empty());
}

TEST(CompactionPolicy, rewritten_extents_join_where_the_file_goes_on) {
  const auto extents = rewritten(layout({10, 20, -5, 30}), ObjectId{9});
  ASSERT_EQ(extents.size(), 2u);
  EXPECT_EQ(extents[0].extent().length(), 30u);
  EXPECT_EQ(extents[1].extent().file_offset(), 35u);
  EXPECT_EQ(extents[1].extent().object_offset(), 30u);
}

// The bound that keeps a file below the master's limit of 1,048,576 pieces.
TEST(CompactionPolicy, a_compacted_file_of_any_size_has_a_bounded_number_of_extents) {
  for (uint64_t size : {uint64_t{1} << 20, uint64_t{1} << 32, uint64_t{1} << 40, uint64_t{1} << 50}) {
    EXPECT_LE(2 * (size / whole_extent_bytes(size, 64 << 10)), 262'144u) << size;
  }
  EXPECT_EQ(whole_extent_bytes(1000, 64 << 10), uint64_t{64} << 10);
}

}  // namespace
}  // namespace forebay::client
