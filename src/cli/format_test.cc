#include "cli/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include "cli/bench/measure.h"
#include "cli/listing.h"
#include "cli/md5.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kTime = 1'714'567'890'123'456'789;  // 2024-05-01T12:51:30.123456789Z

class FormatTest : public testing::Test {
 protected:
  FormatTest() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

TEST_F(FormatTest, shows_modes_with_special_bits) {
  EXPECT_EQ(format_mode(v1::FILE_TYPE_REGULAR, 0644), "-rw-r--r--");
  EXPECT_EQ(format_mode(v1::FILE_TYPE_DIRECTORY, 01777), "drwxrwxrwt");
  EXPECT_EQ(format_mode(v1::FILE_TYPE_DIRECTORY, 01700), "drwx-----T");
  EXPECT_EQ(format_mode(v1::FILE_TYPE_REGULAR, 06755), "-rwsr-sr-x");
  EXPECT_EQ(format_mode(v1::FILE_TYPE_REGULAR, 06600), "-rwS--S---");
  EXPECT_EQ(format_mode(v1::FILE_TYPE_SYMLINK, 0777), "lrwxrwxrwx");
  EXPECT_EQ(format_octal(0755), "0755");
}

TEST_F(FormatTest, shows_times) {
  EXPECT_EQ(format_list_time(kTime), "05-01-2024 12:51:30:123");
  EXPECT_EQ(format_iso_time(kTime), "2024-05-01T12:51:30.123Z");
  EXPECT_EQ(format_utc(kTime), "2024-05-01 12:51:30");
  EXPECT_EQ(format_iso_time(-1), "1969-12-31T23:59:59.999Z");
}

TEST_F(FormatTest, shows_sizes_and_rates) {
  EXPECT_EQ(format_human(1023), "1023B");
  EXPECT_EQ(format_human(1536), "1.50KB");
  EXPECT_EQ(format_human(64 * kMiB), "64.00MB");
  EXPECT_EQ(format_human(3 * kTiB), "3.00TB");
  EXPECT_EQ(format_rate(500'000'000, 0.5), "1000 MB/s");
  EXPECT_EQ(format_rate(1, 0), "0 MB/s");
}

TEST_F(FormatTest, names_errors) {
  EXPECT_EQ(errno_name(ENOENT), "ENOENT");
  EXPECT_EQ(errno_name(99'999), "99999");
}

TEST(Mode, is_applied_as_chmod_does) {
  struct Case {
    const char* text;
    uint32_t before, after;
    bool directory = false;
  };
  for (const Case& each :
       {Case{"755", 0, 0755}, Case{"4711", 0, 04711}, Case{"u+x", 0644, 0744}, Case{"go-rw", 0666, 0600}, Case{"a=r", 0777, 0444},
        Case{"=rx", 0222, 0555}, Case{"u=rwx,g=rx,o=", 0, 0750}, Case{"+X", 0644, 0644}, Case{"+X", 0744, 0755},
        Case{"a+X", 0644, 0755, true}, Case{"u+s", 0755, 04755}, Case{"g+s", 0755, 02755}, Case{"+t", 0777, 01777},
        Case{"o-t", 01777, 0777}, Case{"u+rw-x", 0100, 0600}})
    EXPECT_EQ(apply_mode(each.text, each.before, each.directory).value(), each.after) << each.text;
}

TEST(Mode, is_refused_when_it_is_none) {
  for (const char* text : {"", "888", "77777", "u", "u+y", "z+x", "u?x"}) {
    Result<uint32_t> mode = apply_mode(text, 0644, false);
    ASSERT_FALSE(mode) << text;
    EXPECT_EQ(mode.error().code(), Code::kInvalid);
  }
}

TEST(Owners, are_names_or_numbers) {
  EXPECT_EQ(user_id("root").value(), 0u);
  EXPECT_EQ(user_id("12345").value(), 12345u);
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(user_name(4'000'000'000), "4000000000");
  EXPECT_THAT(user_id("no such user").error().message(), HasSubstr("no user 'no such user'"));
  EXPECT_EQ(group_id("").error().code(), Code::kInvalid);
}

TEST(Paths, are_normalised) {
  EXPECT_EQ(normalize_path("/").value(), "/");
  EXPECT_EQ(normalize_path("a//b/./c/").value(), "/a/b/c");
  EXPECT_EQ(normalize_path("/a/../b").value(), "/a/../b");
  EXPECT_EQ(normalize_path("alluxio://master:19998/cache-only/x").value(), "/cache-only/x");
  EXPECT_EQ(normalize_path("forebay:///x").value(), "/x");
  EXPECT_EQ(normalize_path("alluxio://master").value(), "/");
  EXPECT_EQ(normalize_path("/" + std::string(255, 'n')).value().size(), 256u);
}

TEST(Paths, are_refused_when_no_master_could_take_them) {
  EXPECT_EQ(normalize_path("").error().code(), Code::kInvalid);
  EXPECT_EQ(normalize_path(std::string_view("a\0b", 3)).error().code(), Code::kInvalid);
  EXPECT_TRUE(normalize_path("/" + std::string(256, 'n')).error().is_errno(ENAMETOOLONG));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/dddd";
  EXPECT_TRUE(normalize_path(deep).error().is_errno(ENAMETOOLONG));
}

TEST(Paths, are_joined_split_and_matched) {
  EXPECT_EQ(join_path("/", "a"), "/a");
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
  EXPECT_EQ(split_path("/a/b"), (std::pair<std::string, std::string>{"/a", "b"}));
  EXPECT_EQ(split_path("/a"), (std::pair<std::string, std::string>{"/", "a"}));
  EXPECT_TRUE(has_pattern("*.tmp"));
  EXPECT_TRUE(matches_pattern("*.tmp", "x.tmp"));
  EXPECT_FALSE(matches_pattern("*", ".hidden"));
}

constexpr v1::PersistState kNot = v1::PERSIST_STATE_NOT_PERSISTED;

TEST_F(FormatTest, lists_a_file_as_the_reference_system_does) {
  v1::Attr attr;
  attr.set_type(v1::FILE_TYPE_REGULAR);
  attr.set_mode(0644);
  attr.set_size(1536);
  attr.set_mtime_ns(kTime);
  attr.set_birth_ns(0);
  EXPECT_EQ(
      listing_line("/cache-only/a", attr, 100, kNot, {}),
      "-rw-r--r-- root           root                      1536   NOT_PERSISTED 05-01-2024 12:51:30:123 100% /cache-only/a");
  EXPECT_THAT(listing_line("/a", attr, 100, kNot, {.human = true}), HasSubstr(" 1.50KB "));
  EXPECT_THAT(listing_line("/a", attr, 100, kNot, {.timestamp = Timestamp::kCreated}), HasSubstr("01-01-1970 00:00:00:000"));
  attr.set_lost(true);
  EXPECT_THAT(listing_line("/a", attr, 50, kNot, {}), testing::AllOf(HasSubstr(" LOST "), HasSubstr(" 50% /a")));
  attr.set_lost(false);
  EXPECT_THAT(listing_line("/a", attr, 100, v1::PERSIST_STATE_TO_BE_PERSISTED, {}), HasSubstr(" TO_BE_PERSISTED "));
  EXPECT_THAT(listing_line("/a", attr, 0, v1::PERSIST_STATE_PERSISTED, {}),
              testing::AllOf(HasSubstr("       PERSISTED "), HasSubstr(" 0% /a")));
}

TEST_F(FormatTest, lists_directories_and_links) {
  v1::Attr attr;
  attr.set_type(v1::FILE_TYPE_DIRECTORY);
  attr.set_mode(01777);
  attr.set_size(3);
  EXPECT_THAT(listing_line("/d", attr, 100, kNot, {.human = true}),
              testing::AllOf(testing::StartsWith("drwxrwxrwt "), HasSubstr(" 3 "), testing::EndsWith("  DIR /d")));
  attr.set_type(v1::FILE_TYPE_SYMLINK);
  attr.set_target("there");
  EXPECT_THAT(listing_line("/l", attr, 100, kNot, {}), testing::EndsWith("/l -> there"));
  EXPECT_EQ(listing_json("/l", attr, 100, kNot)["target"], "there");
}

TEST(TableText, aligns_columns_by_characters) {
  Table table({"NAME", "N"});
  table.right_align(1);
  table.add({"ü", "10"});
  table.add({"abcde", "5"});
  EXPECT_EQ(table.text(), "NAME    N\nü      10\nabcde   5\n");
}

TEST(Md5Sum, is_that_of_the_standard) {
  auto sum = [](std::string_view text, size_t piece) {
    Md5 md5 = *Md5::make();
    for (size_t at = 0; at < text.size(); at += piece) md5.add(as_bytes(text.substr(at, piece)));
    return md5.finish();
  };
  EXPECT_EQ(sum("", 1), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(sum("abc", 1), "900150983cd24fb0d6963f7d28e17f72");
  std::string_view digits = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
  for (size_t piece : {1, 7, 63, 64, 65, 80}) EXPECT_EQ(sum(digits, piece), "57edf4a22be3c955ac49da2e2107b67a") << piece;
}

TEST(LatencyCounts, give_percentiles_within_two_per_cent) {
  Latencies a, b;
  for (int i = 1; i <= 1000; ++i) (i % 2 == 0 ? a : b).add(std::chrono::microseconds(i));
  a.merge(b);
  EXPECT_EQ(a.count(), 1000u);
  EXPECT_NEAR(a.percentile_us(50), 500, 10);
  EXPECT_NEAR(a.percentile_us(99), 990, 20);
  EXPECT_EQ(a.max_us(), 1000);
  EXPECT_EQ(Latencies().percentile_us(50), 0);
}

}  // namespace
}  // namespace forebay::cli
