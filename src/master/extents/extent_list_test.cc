#include "master/extents/extent_list.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace forebay::master {
namespace {

Piece piece(uint64_t offset, uint64_t length, uint64_t object, uint64_t object_offset = 0) {
  return {offset, length, ObjectId{object}, object_offset};
}

ExtentList list_of(std::initializer_list<Piece> pieces) {
  ExtentList list;
  ObjectIds covered;
  for (const Piece& each : pieces) list.lay(each, covered);
  return list;
}

TEST(ExtentListTest, a_piece_in_the_middle_splits_what_it_is_laid_over) {
  ExtentList list = list_of({piece(0, 100, 1)});
  ObjectIds covered;
  list.lay(piece(40, 20, 2), covered);
  EXPECT_EQ(list.pieces(), (std::vector{piece(0, 40, 1), piece(40, 20, 2), piece(60, 40, 1, 60)}));
  EXPECT_EQ(covered, ObjectIds{ObjectId{1}});
}

TEST(ExtentListTest, pieces_that_continue_each_other_become_one) {
  ExtentList list = list_of({piece(0, 10, 1), piece(20, 10, 1, 20), piece(10, 10, 1, 10)});
  EXPECT_EQ(list.pieces(), std::vector{piece(0, 30, 1)});
}

TEST(ExtentListTest, neighbours_of_other_objects_or_offsets_stay_apart) {
  ExtentList list = list_of({piece(0, 10, 1), piece(10, 10, 2, 10), piece(20, 10, 2, 30)});
  EXPECT_EQ(list.pieces().size(), 3u);
}

TEST(ExtentListTest, truncation_trims_the_piece_at_the_end) {
  ExtentList list = list_of({piece(0, 10, 1), piece(10, 10, 2), piece(30, 10, 3)});
  ObjectIds covered;
  list.truncate(15, covered);
  EXPECT_EQ(list.pieces(), (std::vector{piece(0, 10, 1), piece(10, 5, 2)}));
  EXPECT_EQ(covered, (ObjectIds{ObjectId{2}, ObjectId{3}}));
}

TEST(ExtentListTest, holes_hold_no_bytes) {
  ExtentList list = list_of({piece(0, 10, 1), piece(100, 5, 2)});
  EXPECT_EQ(list.stored_bytes(), 15u);
  EXPECT_EQ(list.end(), 105u);
  EXPECT_EQ(list.first_ending_after(9), 0u);
  EXPECT_EQ(list.first_ending_after(10), 1u);
  EXPECT_EQ(list.first_ending_after(105), 2u);
}

TEST(ExtentListTest, the_largest_offset_is_reachable) {
  ExtentList list = list_of({piece(INT64_MAX - 10, 10, 1)});
  ObjectIds covered;
  list.lay(piece(INT64_MAX - 5, 5, 2), covered);
  EXPECT_EQ(list.end(), static_cast<uint64_t>(INT64_MAX));
  auto again = ExtentList::from_record(list.to_record());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pieces(), list.pieces());
}

TEST(ExtentListTest, damaged_records_are_corrupt) {
  struct Numbers {
    uint64_t gap, length, object_offset;
  };
  auto code_of = [](std::initializer_list<Numbers> pieces, bool one_object_more = false) {
    v1::ExtentListRecord record;
    for (const Numbers& each : pieces) {
      record.add_gap(each.gap);
      record.add_length(each.length);
      record.add_object(1);
      record.add_object_offset(each.object_offset);
    }
    if (one_object_more) record.add_object(1);
    auto list = ExtentList::from_record(record);
    return list ? std::nullopt : std::optional(list.error().code());
  };
  constexpr uint64_t kMost = INT64_MAX;
  EXPECT_EQ(code_of({{0, 10, 0}, {5, 5, 20}}), std::nullopt);
  EXPECT_EQ(code_of({{0, 10, 0}}, true), Code::kCorrupt);
  EXPECT_EQ(code_of({{0, 0, 0}}), Code::kCorrupt);
  EXPECT_EQ(code_of({{kMost, 1, 0}}), Code::kCorrupt);
  EXPECT_EQ(code_of({{UINT64_MAX, 1, 0}}), Code::kCorrupt);
  EXPECT_EQ(code_of({{0, kMost, 0}, {0, 1, 0}}), Code::kCorrupt);
  EXPECT_EQ(code_of({{0, UINT64_MAX, 0}}), Code::kCorrupt);
  EXPECT_EQ(code_of({{0, 10, kMost}}), Code::kCorrupt);
}

// The same file byte by byte: which byte of which object each one is.
class ByteModel {
 public:
  using Bytes = std::map<uint64_t, std::pair<uint64_t, uint64_t>>;

  void lay(const Piece& piece) {
    for (uint64_t i = 0; i < piece.length; ++i) bytes_[piece.offset + i] = {piece.object.value, piece.object_offset + i};
  }
  void clear(uint64_t begin, uint64_t end) { bytes_.erase(bytes_.lower_bound(begin), bytes_.lower_bound(end)); }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

constexpr uint64_t kFileEnd = 300;

class ExtentListProperty : public testing::TestWithParam<uint32_t> {
 protected:
  uint64_t below(uint64_t limit) { return random_() % limit; }

  // Often a continuation of an earlier one, so that merging has something to do.
  Piece random_piece() {
    if (last_.length != 0 && below(3) == 0) {
      uint64_t length = 1 + below(20);
      last_ = {last_.end(), length, last_.object, last_.object_offset + last_.length};
    } else {
      last_ = {below(kFileEnd), 1 + below(below(4) == 0 ? 150 : 20), ObjectId{1 + below(8)}, below(40)};
    }
    if (last_.end() > 2 * kFileEnd) last_ = {0, 5, ObjectId{1}, 0};
    return last_;
  }

  void step() {
    ByteModel::Bytes before = model_.bytes();
    ObjectIds covered;
    uint64_t choice = below(10);
    if (choice < 6) {
      Piece laid = random_piece();
      list_.lay(laid, covered);
      model_.lay(laid);
    } else if (choice < 8) {
      lay_many(covered);
    } else if (choice == 8) {
      uint64_t size = below(2 * kFileEnd);
      list_.truncate(size, covered);
      model_.clear(size, UINT64_MAX);
    } else {
      replace_range(covered);
    }
    check(before, covered);
  }

  void lay_many(ObjectIds& covered) {
    ExtentList top;
    ObjectIds among_themselves;
    for (uint64_t i = below(6); i > 0; --i) {
      Piece laid = random_piece();
      top.lay(laid, among_themselves);
      model_.lay(laid);
    }
    list_.lay(top, covered);
  }

  void replace_range(ObjectIds& covered) {
    uint64_t begin = below(kFileEnd), end = begin + 1 + below(100);
    std::vector<Piece> with;
    model_.clear(begin, end);
    for (uint64_t at = begin + below(10); at < end; at += 1 + below(30)) {
      with.push_back({at, std::min(end - at, 1 + below(20)), ObjectId{20 + below(3)}, below(9)});
      model_.lay(with.back());
      at = with.back().end();
    }
    list_.replace(begin, end, with, covered);
  }

  void check(const ByteModel::Bytes& before, const ObjectIds& covered) {
    ByteModel::Bytes now;
    const Piece* previous = nullptr;
    for (const Piece& each : list_.pieces()) {
      ASSERT_GT(each.length, 0u);
      if (previous) {
        ASSERT_LE(previous->end(), each.offset);
        bool continues = previous->end() == each.offset && previous->object == each.object &&
                         previous->object_offset + previous->length == each.object_offset;
        ASSERT_FALSE(continues) << "not merged at " << each.offset;
      }
      previous = &each;
      for (uint64_t i = 0; i < each.length; ++i) {
        now.emplace_hint(now.end(), each.offset + i, std::pair(each.object.value, each.object_offset + i));
      }
    }
    ASSERT_EQ(now, model_.bytes());
    auto again = ExtentList::from_record(list_.to_record());
    ASSERT_TRUE(again);
    ASSERT_EQ(again->pieces(), list_.pieces());
    for (const auto& [offset, byte] : before) {
      auto still = now.find(offset);
      bool lost = still == now.end() || still->second != byte;
      if (lost) ASSERT_TRUE(std::ranges::find(covered, ObjectId{byte.first}) != covered.end()) << "object " << byte.first;
    }
  }

  std::mt19937 random_{GetParam()};
  ExtentList list_;
  ByteModel model_;
  Piece last_;
};

TEST_P(ExtentListProperty, equals_a_model_of_bytes_after_every_step) {
  for (int i = 0; i < 15'000; ++i) {
    step();
    ASSERT_FALSE(HasFatalFailure()) << "seed " << GetParam() << ", step " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExtentListProperty, testing::Range(1u, 9u));

}  // namespace
}  // namespace forebay::master
