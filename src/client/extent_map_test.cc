#include "client/extent_map.h"

#include <gtest/gtest.h>

#include "os/sim_random.h"

namespace forebay::client {
namespace {

constexpr ObjectId kA{1}, kB{2};

TEST(ExtentMap, a_run_written_in_pieces_is_one_extent) {
  ExtentMap map;
  map.lay({10, 5, kA, 100});
  map.lay({20, 5, kA, 110});
  map.lay({15, 5, kA, 105});
  EXPECT_EQ(map.all(), (std::vector<Extent>{{10, 15, kA, 100}}));
}

TEST(ExtentMap, neighbours_in_the_file_that_are_apart_in_the_object_stay_apart) {
  ExtentMap map;
  map.lay({0, 5, kA, 0});
  map.lay({5, 5, kA, 6});
  map.lay({10, 5, kB, 11});
  EXPECT_EQ(map.size(), 3u);
}

TEST(ExtentMap, an_extent_over_the_middle_of_another_splits_it) {
  ExtentMap map;
  map.lay({0, 30, kA, 0});
  map.lay({10, 10, kB, 7});
  EXPECT_EQ(map.all(), (std::vector<Extent>{{0, 10, kA, 0}, {10, 10, kB, 7}, {20, 10, kA, 20}}));
  EXPECT_EQ(map.find(5, 10), (std::vector<Extent>{{5, 5, kA, 5}, {10, 5, kB, 7}}));
}

TEST(ExtentMap, a_cut_shortens_the_last_extent) {
  ExtentMap map;
  map.lay({0, 30, kA, 0});
  map.cut(12);
  EXPECT_EQ(map.all(), (std::vector<Extent>{{0, 12, kA, 0}}));
  map.cut(0);
  EXPECT_TRUE(map.empty());
}

TEST(ExtentMap, moved_bytes_are_found_at_their_new_place_and_nowhere_else) {
  ExtentMap map;
  map.lay({0, 30, kA, 50});
  map.lay({100, 10, kA, 55});
  map.move(kA, 60, 10, kB, 5);
  EXPECT_EQ(map.all(),
            (std::vector<Extent>{{0, 10, kA, 50}, {10, 10, kB, 5}, {20, 10, kA, 70}, {100, 5, kA, 55}, {105, 5, kB, 5}}));
}

TEST(ExtentMap, a_shift_keeps_what_is_before_it) {
  ExtentMap map;
  map.lay({0, 10, kA, 0});
  map.lay({10, 10, kB, 0});
  map.shift(10, 7);
  EXPECT_EQ(map.all(), (std::vector<Extent>{{0, 10, kA, 0}, {17, 10, kB, 0}}));
}

TEST(ExtentMap, random_changes_give_what_an_array_of_bytes_gives) {
  constexpr uint64_t kSize = 200;
  os::SimRandom random(1);
  for (int round = 0; round < 200; ++round) {
    ExtentMap map;
    std::vector<std::pair<uint64_t, uint64_t>> bytes(kSize);  // object, offset
    for (int step = 0; step < 60; ++step) {
      const uint64_t begin = random.below(kSize), length = random.below(kSize - begin) + 1, object = random.below(3) + 1;
      const uint64_t at = random.below(40);
      switch (random.below(5)) {
        case 0:
          map.erase(begin, length);
          for (uint64_t i = 0; i < length; ++i) bytes[begin + i] = {};
          break;
        case 1:
          map.cut(begin);
          for (uint64_t i = begin; i < kSize; ++i) bytes[i] = {};
          break;
        case 2:
          map.move(ObjectId{object}, at, 10, ObjectId{object + 3}, at + 1000);
          for (auto& [in, offset] : bytes) {
            if (in == object && offset >= at && offset < at + 10) in += 3, offset += 1000;
          }
          break;
        default:
          map.lay({begin, length, ObjectId{object}, at});
          for (uint64_t i = 0; i < length; ++i) bytes[begin + i] = {object, at + i};
      }
      std::vector<std::pair<uint64_t, uint64_t>> seen(kSize);
      uint64_t end = 0;
      for (const Extent& extent : map.find(0, kSize)) {
        ASSERT_GE(extent.offset, end) << "overlap";
        end = extent.end();
        for (uint64_t i = 0; i < extent.length; ++i) seen[extent.offset + i] = {extent.object.value, extent.object_offset + i};
      }
      ASSERT_EQ(seen, bytes) << "round " << round << " step " << step;
    }
  }
}

}  // namespace
}  // namespace forebay::client
