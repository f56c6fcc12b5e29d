#include "worker/store/block_sums.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/crc32c.h"

namespace forebay::worker {
namespace {

class BlockSumsTest : public ::testing::Test {
 protected:
  using Pieces = BlockSums::Pieces;

  void write(uint64_t offset, uint64_t length, char with = 0) {
    const std::string text = bytes(length, with);
    const Pieces pieces(as_bytes(text), offset, crc32c(as_bytes(text)));
    sums.begin(pieces);
    store(offset, text);
    sums.end(pieces, true);
  }
  std::string bytes(uint64_t length, char with) {
    std::string text(length, with);
    if (with == 0)
      for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  void store(uint64_t offset, const std::string& text) {
    if (content.size() < offset + text.size()) content.resize(offset + text.size());
    content.replace(offset, text.size(), text);
  }
  std::optional<uint32_t> actual(uint64_t block, uint64_t length = kBlockBytes) {
    return crc32c(as_bytes(content).subspan(block * kBlockBytes, length));
  }

  BlockSums sums;
  std::string content;
  std::mt19937 random{7};
};

TEST_F(BlockSumsTest, a_block_that_was_written_whole_is_known) {
  write(0, kBlockBytes);
  write(kBlockBytes, kBlockBytes);
  EXPECT_EQ(sums.find(0, kBlockBytes), actual(0));
  EXPECT_EQ(sums.find(1, kBlockBytes), actual(1));
  EXPECT_EQ(sums.find(2, kBlockBytes), std::nullopt);
}

TEST_F(BlockSumsTest, a_short_last_block_is_known_at_its_length_only) {
  write(0, 1000);
  EXPECT_EQ(sums.find(0, 1000), actual(0, 1000));
  EXPECT_EQ(sums.find(0, 999), std::nullopt);
  EXPECT_EQ(sums.find(0, 1001), std::nullopt);
}

TEST_F(BlockSumsTest, frames_that_lie_across_blocks_are_put_together_in_any_order_of_neighbours) {
  write(0, 300'000);
  write(300'000 + kBlockBytes, kBlockBytes);
  write(300'000, kBlockBytes);
  EXPECT_EQ(sums.find(0, kBlockBytes), actual(0));
  EXPECT_EQ(sums.find(1, kBlockBytes), actual(1));
  EXPECT_EQ(sums.find(2, 300'000), actual(2, 300'000));
}

TEST_F(BlockSumsTest, what_is_written_again_as_a_whole_counts_as_it_is_now) {
  write(0, kBlockBytes);
  write(0, kBlockBytes);
  EXPECT_EQ(sums.find(0, kBlockBytes), actual(0));
}

TEST_F(BlockSumsTest, a_part_that_is_written_again_makes_its_block_unknown_until_the_end) {
  write(0, kBlockBytes);
  write(100, 10);
  EXPECT_EQ(sums.find(0, kBlockBytes), std::nullopt);
  write(0, kBlockBytes);
  EXPECT_EQ(sums.find(0, kBlockBytes), std::nullopt);
}

TEST_F(BlockSumsTest, a_hole_is_unknown) {
  write(10, kBlockBytes - 10);
  EXPECT_EQ(sums.find(0, kBlockBytes), std::nullopt);
}

TEST_F(BlockSumsTest, too_many_pieces_make_a_block_unknown) {
  for (uint64_t at : {0, 200, 400}) write(at, 100);
  for (uint64_t at : {100, 300}) write(at, 100);
  EXPECT_EQ(sums.find(0, 500), std::nullopt);
}

TEST_F(BlockSumsTest, writes_of_the_same_bytes_at_the_same_time_make_their_blocks_unknown) {
  const std::string one = bytes(kBlockBytes, 'a'), other = bytes(kBlockBytes, 'b');
  const Pieces first(as_bytes(one), 0, {}), second(as_bytes(other), kBlockBytes / 2, {});
  sums.begin(first);
  sums.begin(second);
  sums.end(first, true);
  sums.end(second, true);
  write(2 * kBlockBytes, kBlockBytes);
  EXPECT_EQ(sums.find(0, kBlockBytes), std::nullopt);
  EXPECT_EQ(sums.find(2, kBlockBytes), actual(2));
}

TEST_F(BlockSumsTest, writes_side_by_side_at_the_same_time_are_known) {
  const std::string one = bytes(1000, 0), other = bytes(kBlockBytes - 1000, 0);
  const Pieces first(as_bytes(one), 0, {}), second(as_bytes(other), 1000, {});
  sums.begin(first);
  sums.begin(second);
  sums.end(second, true);
  sums.end(first, true);
  store(0, one);
  store(1000, other);
  EXPECT_EQ(sums.find(0, kBlockBytes), actual(0));
}

TEST_F(BlockSumsTest, a_failed_write_makes_its_blocks_unknown) {
  write(0, kBlockBytes);
  write(2 * kBlockBytes, kBlockBytes);
  const std::string text = bytes(kBlockBytes, 0);
  const Pieces pieces(as_bytes(text), kBlockBytes / 2, {});
  sums.begin(pieces);
  sums.end(pieces, false);
  EXPECT_EQ(sums.find(0, kBlockBytes), std::nullopt);
  EXPECT_EQ(sums.find(1, kBlockBytes / 2), std::nullopt);
  EXPECT_EQ(sums.find(2, kBlockBytes), actual(2));
}

TEST_F(BlockSumsTest, more_than_a_frame_at_once_is_unknown) {
  write(0, 3 * kBlockBytes);
  for (uint64_t block : {0, 1, 2}) EXPECT_EQ(sums.find(block, kBlockBytes), std::nullopt);
}

TEST_F(BlockSumsTest, nothing_is_known_once_somebody_else_may_have_written) {
  write(0, kBlockBytes);
  sums.distrust();
  write(kBlockBytes, kBlockBytes);
  EXPECT_EQ(sums.find(0, kBlockBytes), std::nullopt);
  EXPECT_EQ(sums.find(1, kBlockBytes), std::nullopt);
}

// Whatever is written: a block is unknown, or its checksum is right.
TEST_F(BlockSumsTest, is_never_wrong) {
  for (int round = 0; round < 200; ++round) {
    sums = {};
    content.assign(3 * kBlockBytes, '\0');
    for (int i = 0; i < 6; ++i) {
      const uint64_t offset = random() % 5 * (kBlockBytes / 4);
      write(offset, (random() % 4 + 1) * (kBlockBytes / 4), static_cast<char>(random() % 100 + 1));
    }
    for (uint64_t block : {0, 1, 2}) {
      const std::optional<uint32_t> known = sums.find(block, kBlockBytes);
      if (known) EXPECT_EQ(known, actual(block)) << round;
    }
  }
}

}  // namespace
}  // namespace forebay::worker
