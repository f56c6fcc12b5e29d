#include <gtest/gtest.h>

#include <string>

#include "base/crc32c.h"
#include "base/status.h"
#include "base/text.h"
#include "base/units.h"

namespace forebay {
namespace {

TEST(Crc32c, agrees_with_the_published_check_value) { EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u); }

TEST(Crc32c, continues_and_combines) {
  std::string whole(100'000, '\0');
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<char>(i * 31 + i / 7);
  for (size_t cut : {size_t{0}, size_t{1}, size_t{4096}, size_t{65'537}, whole.size()}) {
    uint32_t a = crc32c(as_bytes(whole).first(cut)), b = crc32c(as_bytes(whole).subspan(cut));
    EXPECT_EQ(crc32c(as_bytes(whole).subspan(cut), a), crc32c(as_bytes(whole)));
    EXPECT_EQ(crc32c_combine(a, b, whole.size() - cut), crc32c(as_bytes(whole)));
  }
}

TEST(Units, sizes_take_both_families_of_suffixes) {
  EXPECT_EQ(parse_size("64MB").value(), 64 * kMiB);
  EXPECT_EQ(parse_size("64Mi").value(), 64 * kMiB);
  EXPECT_EQ(parse_size("1.5GiB").value(), kGiB + kGiB / 2);
  EXPECT_EQ(parse_size("2 TiB").value(), 2 * kTiB);
  EXPECT_EQ(parse_size("17").value(), 17u);
  EXPECT_EQ(parse_size("10Gi").value(), 10 * kGiB);
}

TEST(Units, bad_sizes_and_durations_are_refused_with_the_text) {
  for (const char* text : {"", "MB", "-1MB", "1XB", "nan", "1e30"}) {
    auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code(), Code::kInvalid);
    EXPECT_NE(size.error().message().find(text), std::string::npos);
  }
  EXPECT_EQ(parse_duration("5").error().code(), Code::kInvalid);
  EXPECT_EQ(parse_duration("5 fortnights").error().code(), Code::kInvalid);
}

TEST(Units, durations_read_back_as_printed) {
  for (const char* text : {"1s", "250ms", "90s", "2h", "3d", "7ns", "0s"})
    EXPECT_EQ(parse_duration(format_duration(parse_duration(text).value())).value(), parse_duration(text).value());
}

TEST(Text, is_readable_whatever_the_bytes_were) {
  EXPECT_EQ(readable_text("name \xff ü"), "name ? ü");
  EXPECT_EQ(readable_text("\xc3"), "?");
  EXPECT_EQ(readable_text("aüb", 2), "a?") << "cut in the middle of a character";
}

TEST(Status, context_goes_in_front_and_errno_survives) {
  Status status = std::move(rejected(ENOENT, "no entry 'x'")).error();
  Status wrapped = std::move(status).with_context("open /a/x");
  EXPECT_EQ(wrapped.message(), "open /a/x: no entry 'x'");
  EXPECT_EQ(to_errno(wrapped), ENOENT);
}

TEST(Status, only_final_answers_keep_their_errno) {
  EXPECT_EQ(to_errno(std::move(busy("full")).error()), EIO);
  EXPECT_EQ(to_errno(std::move(stale("old")).error()), EIO);
  EXPECT_EQ(to_errno(std::move(invalid("x")).error()), EINVAL);
}

}  // namespace
}  // namespace forebay
