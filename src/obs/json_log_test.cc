#include "obs/json_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace forebay::obs {
namespace {

using nlohmann::json;

std::string temporary_directory() {
  std::string name = testing::TempDir() + "forebay-log-XXXXXX";
  return mkdtemp(name.data());
}

TEST(JsonLine, holds_time_level_role_message_and_typed_fields) {
  json line =
      json::parse(json_line("2024-05-01T12:00:00.000001Z", Level::kWarning, "worker", "disk is slow",
                            {{"tier", "SSD"}, {"bytes", uint64_t{1} << 63}, {"delta", -3}, {"ratio", 0.5}, {"trace", "ab"}}));
  EXPECT_EQ(line["time"], "2024-05-01T12:00:00.000001Z");
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["role"], "worker");
  EXPECT_EQ(line["message"], "disk is slow");
  EXPECT_EQ(line["tier"], "SSD");
  EXPECT_EQ(line["bytes"], uint64_t{1} << 63);
  EXPECT_EQ(line["delta"], -3);
  EXPECT_EQ(line["ratio"], 0.5);
  EXPECT_EQ(line["trace"], "ab");
}

TEST(JsonLine, stays_one_valid_line_for_names_with_quotes_newlines_and_bytes_that_are_no_utf8) {
  std::string text = json_line("t", Level::kInfo, "master", "a\"b\\c\nd", {{"name", std::string("\xff\x00\x01 ü", 6)}});
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\n")));
  json line = json::parse(text);
  EXPECT_EQ(line["message"], "a\"b\\c\nd");
  EXPECT_TRUE(line["name"].is_string());
}

TEST(JsonLine, cuts_long_values_and_writes_numbers_that_are_not_finite_as_null) {
  json line = json::parse(json_line("t", Level::kInfo, "r", std::string(100'000, 'x'), {{"x", std::nan("")}}));
  EXPECT_LT(line["message"].get<std::string>().size(), 5000u);
  EXPECT_TRUE(line["x"].is_null());
}

TEST(OpenLog, appends_to_its_file_and_drops_what_is_below_the_level) {
  std::string path = temporary_directory() + "/role.log";
  {
    auto log = open_log({.role = "master", .path = path, .level = Level::kWarning});
    ASSERT_TRUE(log);
    (*log)->info("dropped");
    (*log)->error("kept {}", {{"n", 1}});
  }
  std::ifstream file(path);
  std::string first, second;
  std::getline(file, first);
  EXPECT_EQ(json::parse(first)["message"], "kept {}");
  EXPECT_FALSE(std::getline(file, second));
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
}

TEST(OpenLog, keeps_a_bounded_number_of_old_files) {
  std::string path = temporary_directory() + "/role.log";
  {
    auto log = open_log({.role = "r", .path = path, .max_bytes = 1000, .max_old_files = 2});
    ASSERT_TRUE(log);
    for (int i = 0; i < 100; ++i) (*log)->info("line", {{"i", i}});
  }
  auto directory = std::filesystem::path(path).parent_path();
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    EXPECT_LE(entry.file_size(), 1000u);
    ++files;
  }
  EXPECT_EQ(files, 3u);
  std::filesystem::remove_all(directory);
}

TEST(OpenLog, refuses_a_file_that_cannot_be_written_and_names_it) {
  auto log = open_log({.role = "r", .path = "/proc/no/such/role.log"});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code(), Code::kInvalid);
  EXPECT_THAT(log.error().message(), testing::HasSubstr("/proc/no/such/role.log"));
}

TEST(ParseLevel, knows_four_names) {
  EXPECT_EQ(parse_level("debug").value(), Level::kDebug);
  EXPECT_EQ(parse_level("error").value(), Level::kError);
  EXPECT_EQ(parse_level("loud").error().code(), Code::kInvalid);
}

}  // namespace
}  // namespace forebay::obs
