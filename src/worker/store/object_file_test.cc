#include "worker/store/object_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/crc32c.h"

namespace forebay::worker {
namespace {

Seal seal_of(ObjectId object, uint64_t length) {
  Seal seal{.object = object, .length = length, .crc32c = 0xabcd1234, .blocks = {}};
  for (uint64_t block = 0; block < block_count(length); ++block) seal.blocks.push_back(static_cast<uint32_t>(block * 77 + 1));
  return seal;
}

Result<Seal> decode_footer(Bytes footer, uint64_t file_bytes) {
  if (footer.size() < kTrailerBytes) return corrupt("short");
  ASSIGN_OR_RETURN(Trailer trailer, decode_trailer(footer.last(kTrailerBytes), file_bytes));
  return decode_table(std::move(trailer), footer.first(footer.size() - kTrailerBytes));
}

TEST(ObjectFile, header_comes_back_as_it_was_written) {
  ObjectHeader header{.cluster = std::string(kMaxClusterName, 'c'),
                      .object = ObjectId{0x1234567890abcdef},
                      .boot = boot_number("some boot"),
                      .synced_bytes = 12'345};
  auto page = encode_header(header);
  EXPECT_EQ(decode_header(page).value(), header);
  EXPECT_EQ(decode_header(Bytes(page).first(kHeaderBytes)).value(), header);
}

TEST(ObjectFile, a_header_of_format_1_is_read_and_says_nothing_of_boots) {
  auto page = encode_header({.cluster = "b7c9", .object = ObjectId{7}});
  page[8] = std::byte{1};
  const uint32_t crc = crc32c(Bytes(page).first(kHeaderBytes - 4));
  std::memcpy(page.data() + kHeaderBytes - 4, &crc, sizeof crc);
  EXPECT_EQ(decode_header(page).value(), (ObjectHeader{.cluster = "b7c9", .object = ObjectId{7}}));
}

TEST(ObjectFile, every_flipped_bit_of_the_header_is_detected) {
  auto page = encode_header({.cluster = "b7c9", .object = ObjectId{7}});
  for (size_t bit = 0; bit < kHeaderBytes * 8; ++bit) {
    auto damaged = page;
    damaged[bit / 8] ^= std::byte{static_cast<unsigned char>(1 << (bit % 8))};
    auto decoded = decode_header(damaged);
    ASSERT_FALSE(decoded) << "bit " << bit;
    EXPECT_EQ(decoded.error().code(), Code::kCorrupt);
  }
}

TEST(ObjectFile, a_header_that_was_cut_off_is_detected) {
  auto page = encode_header({.cluster = "b7c9", .object = ObjectId{7}});
  for (size_t length = 0; length < kHeaderBytes; ++length) EXPECT_FALSE(decode_header(Bytes(page).first(length)));
}

TEST(ObjectFile, footer_comes_back_as_it_was_written) {
  for (uint64_t length : {uint64_t{0}, uint64_t{1}, kBlockBytes, kBlockBytes + 1, 64 * kMiB}) {
    Seal seal = seal_of(ObjectId{9}, length);
    std::string footer = encode_footer(seal);
    EXPECT_EQ(footer.size(), footer_bytes(length));
    EXPECT_EQ(decode_footer(as_bytes(footer), sealed_file_bytes(length)).value(), seal);
  }
}

TEST(ObjectFile, every_flipped_bit_of_the_footer_is_detected) {
  std::string footer = encode_footer(seal_of(ObjectId{9}, 3 * kMiB + 5));
  for (size_t bit = 0; bit < footer.size() * 8; ++bit) {
    std::string damaged = footer;
    damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    auto decoded = decode_footer(as_bytes(damaged), sealed_file_bytes(3 * kMiB + 5));
    ASSERT_FALSE(decoded) << "bit " << bit;
    EXPECT_EQ(decoded.error().code(), Code::kCorrupt);
  }
}

TEST(ObjectFile, a_seal_in_a_file_of_another_size_does_not_count) {
  std::string footer = encode_footer(seal_of(ObjectId{9}, 3 * kMiB));
  EXPECT_FALSE(decode_footer(as_bytes(footer), sealed_file_bytes(3 * kMiB) + 1));
  EXPECT_FALSE(decode_footer(as_bytes(footer), sealed_file_bytes(3 * kMiB) - 1));
}

TEST(ObjectFile, names_are_parsed_only_in_their_own_directory) {
  ObjectId object{0xa03f};
  EXPECT_EQ(object_file_name(object), "3f/000000000000a03f");
  EXPECT_EQ(parse_object_name("000000000000a03f", 0x3f), object);
  EXPECT_EQ(parse_object_name("000000000000a03f", 0x3e), ObjectId{});
  EXPECT_EQ(parse_object_name("000000000000A03F", 0x3f), ObjectId{});
  EXPECT_EQ(parse_object_name("000000000000a03f.tmp", 0x3f), ObjectId{});
  EXPECT_EQ(parse_object_name("0000000000000000", 0), ObjectId{});
  EXPECT_EQ(parse_object_name("", 0), ObjectId{});
}

}  // namespace
}  // namespace forebay::worker
