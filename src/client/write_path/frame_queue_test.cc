#include "client/write_path/frame_queue.h"

#include <gtest/gtest.h>

#include <string>

#include "os/simulation.h"

namespace forebay::client {
namespace {

class FrameQueueTest : public testing::Test {
 protected:
  BudgetShare share(uint64_t bytes) { return *world.complete(BudgetShare::acquire(&budget, bytes), std::chrono::hours(1)); }
  // At the end, with room for so much more. How much the frames keep of that.
  size_t append(const std::string& text, uint64_t room) {
    BudgetShare memory = share(text.size() + room);
    const size_t taken = frames.append(as_bytes(text), end, kLimit, &memory);
    EXPECT_EQ(memory.bytes() + taken, text.size() + room);
    end += text.size();
    return taken;
  }
  std::string read(uint64_t offset, size_t length, std::vector<MutableBytes>* gaps = nullptr) {
    std::string text(length, '.');
    std::vector<MutableBytes> found = frames.copy(offset, std::as_writable_bytes(std::span(text)));
    if (gaps != nullptr) *gaps = std::move(found);
    return text;
  }

  static constexpr uint64_t kLimit = 64 * kMiB;
  os::SimWorld world{{}};
  ByteBudget budget{64 * kMiB};
  FrameQueue frames;
  uint64_t end = 0;
};

TEST_F(FrameQueueTest, small_pieces_are_collected_in_one_frame_that_grows_with_them) {
  for (int i = 0; i < 100; ++i) append(std::string(1'000, static_cast<char>('a' + i % 26)), kMiB);
  EXPECT_EQ(frames.size(), 1U);
  EXPECT_EQ(budget.used(), 128 * kKiB) << "the next power of two, to the byte";
  EXPECT_EQ(read(1'999, 3), "bcc");
}

TEST_F(FrameQueueTest, without_memory_for_a_larger_one_there_is_another_frame) {
  append(std::string(4 * kKiB, 'a'), 0);
  append(std::string(4 * kKiB, 'b'), 0);
  EXPECT_EQ(frames.size(), 2U);
  EXPECT_EQ(budget.used(), 8 * kKiB);
  EXPECT_EQ(read(4 * kKiB - 1, 2), "ab");
}

TEST_F(FrameQueueTest, no_memory_is_taken_beyond_the_end_of_the_object) {
  BudgetShare memory = share(kMiB);
  EXPECT_EQ(frames.append(as_bytes(std::string(10, 'a')), 0, 100, &memory), 100U);
}

TEST_F(FrameQueueTest, full_frames_go_first_and_a_partly_filled_one_when_nothing_is_on_its_way) {
  append(std::string(2 * kMiB + 10, 'a'), 0);
  auto sent = frames.begin_sending(8);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_TRUE(frames.begin_sending(8).empty());
  for (const auto& frame : sent) {
    frames.ended(*frame);
    EXPECT_TRUE(frames.acknowledged(frame));
  }
  sent = frames.begin_sending(8);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0]->view().size(), 10U);
}

TEST_F(FrameQueueTest, no_more_than_a_window_is_on_its_way_and_what_failed_goes_again) {
  append(std::string(4 * kMiB, 'a'), 0);
  auto sent = frames.begin_sending(2);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(frames.on_their_way(), 2U);
  frames.ended(*sent[0]);
  const auto again = frames.begin_sending(2);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0], sent[0]);
}

TEST_F(FrameQueueTest, what_waits_in_the_last_frame_is_overwritten_in_place_and_what_is_on_its_way_is_not) {
  append("abcdef", 0);
  EXPECT_TRUE(frames.overwrite(as_bytes("XY"), 2));
  EXPECT_FALSE(frames.overwrite(as_bytes("ZZ"), 5)) << "it ends there";
  EXPECT_EQ(read(0, 6), "abXYef");
  frames.begin_sending(8);
  EXPECT_FALSE(frames.overwrite(as_bytes("Z"), 0));
  append("gh", 0);
  EXPECT_EQ(frames.size(), 2U) << "nor is it extended";
  EXPECT_FALSE(frames.overwrite(as_bytes("Z"), 0));
  EXPECT_EQ(read(0, 8), "abXYefgh");
}

TEST_F(FrameQueueTest, another_objects_bytes_are_taken_over_with_their_memory) {
  append(std::string(100, 'a') + std::string(100, 'b'), 0);
  FrameQueue other;
  const std::optional<Unacknowledged> whole = frames.first();
  ASSERT_TRUE(whole);
  const uint64_t used = budget.used();
  other.take_over(whole->first(150), 1'000);
  EXPECT_FALSE(frames.forget_first(150)) << "some of it is left";
  EXPECT_EQ(budget.used(), used);
  ASSERT_TRUE(frames.first());
  EXPECT_EQ(frames.first()->offset, 150U);
  EXPECT_EQ(frames.first()->data.size(), 50U);
  EXPECT_EQ(other.first()->offset, 1'000U);
  EXPECT_EQ(other.begin_sending(8).size(), 1U) << "it is full: what is behind it in its memory is not its own";
  EXPECT_TRUE(frames.forget_first(50));
  EXPECT_TRUE(frames.empty());
}

TEST_F(FrameQueueTest, a_forgotten_frame_keeps_its_memory_while_it_is_on_its_way) {
  append(std::string(4 * kKiB, 'a'), 0);
  auto sent = frames.begin_sending(8);
  ASSERT_EQ(sent.size(), 1U);
  frames.forget_first(4 * kKiB).reset();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(sent[0]->view().data()), 1), "a");
  frames.ended(*sent[0]);
  frames.acknowledged(sent[0]).reset();
  EXPECT_EQ(budget.used(), 0U);
}

TEST_F(FrameQueueTest, a_reader_gets_what_is_here_and_the_gaps) {
  append("aaaa", 0);
  auto sent = frames.begin_sending(8);
  append("bbbb", 0);
  frames.ended(*sent[0]);
  frames.acknowledged(sent[0]).reset();
  std::vector<MutableBytes> gaps;
  EXPECT_EQ(read(2, 8, &gaps), "..bbbb..");
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].size(), 2U);
  EXPECT_EQ(gaps[1].size(), 2U);
}

}  // namespace
}  // namespace forebay::client
