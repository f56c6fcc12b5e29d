#include "master/persist/mapping_file.h"

#include <gtest/gtest.h>

namespace forebay::master {
namespace {

std::string error_of(std::string_view text) {
  auto parsed = parse_mapping_file("map.json", text);
  if (parsed) return "no error";
  EXPECT_TRUE(parsed.error().is(Code::kInvalid));
  EXPECT_TRUE(parsed.error().message().starts_with("mapping file map.json: ")) << parsed.error().message();
  return parsed.error().message();
}

std::string entries(const std::string& pairs) {
  return R"({"cacheOnlyMountPoint": "/cache-only", "asyncUploadPathMapping": {)" + pairs + "}}";
}

TEST(MappingFileTest, the_file_of_the_reference_page_is_read_verbatim) {
  auto parsed = parse_mapping_file("map.json", R"({
  "cacheOnlyMountPoint": "/cache-only",
  "asyncUploadPathMapping": {
    "/cache-only/a": "/s3/a",
    "/cache-only/b": "/local/c"
  },
  "blackList": [
    ".tmp"
  ]
}
)");
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(parsed->mount_point, "/cache-only");
  ASSERT_EQ(parsed->entries.size(), 2u);
  const v1::MappingRecord& record = parsed->entries[0].record;
  EXPECT_EQ(parsed->entries[0].path, "/cache-only/a");
  EXPECT_EQ(record.target(), "/s3/a");
  EXPECT_EQ(record.on_delete(), v1::ON_DELETE_KEEP);
  EXPECT_EQ(record.on_conflict(), v1::ON_CONFLICT_FAIL);
  EXPECT_EQ(record.order(), v1::PERSIST_ORDER_NONE);
  EXPECT_EQ(record.evict(), v1::EVICT_NEVER);
  EXPECT_EQ(record.settle_ns(), 0);
  ASSERT_EQ(record.black_list_size(), 1);
  EXPECT_EQ(record.black_list(0), ".tmp");
  EXPECT_EQ(parsed->entries[1].record.target(), "/local/c");
}

TEST(MappingFileTest, a_value_may_be_an_object_with_policies) {
  auto parsed = parse_mapping_file("map.json", entries(R"("/cache-only/a/": {"path": "/s3/a/", "onDelete": "delete",
    "onConflict": "keep-both", "settle": "2s", "order": "directory", "exclude": ["*.tmp", "_?"], "evict": "clean"})"));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  const v1::MappingRecord& record = parsed->entries[0].record;
  EXPECT_EQ(record.path(), "/cache-only/a");
  EXPECT_EQ(record.target(), "/s3/a");
  EXPECT_EQ(record.on_delete(), v1::ON_DELETE_DELETE);
  EXPECT_EQ(record.on_conflict(), v1::ON_CONFLICT_KEEP_BOTH);
  EXPECT_EQ(record.settle_ns(), 2'000'000'000);
  EXPECT_EQ(record.order(), v1::PERSIST_ORDER_DIRECTORY);
  EXPECT_EQ(record.exclude_size(), 2);
  EXPECT_EQ(record.evict(), v1::EVICT_CLEAN);
}

TEST(MappingFileTest, text_that_is_not_json_names_the_line) {
  EXPECT_NE(error_of("{\n  \"cacheOnlyMountPoint\": \"/c\",\n  oops\n}").find("line 3"), std::string::npos);
  EXPECT_NE(error_of("").find("line 1"), std::string::npos);
  EXPECT_NE(error_of("[]").find("has to be a JSON object"), std::string::npos);
}

TEST(MappingFileTest, a_number_beyond_every_range_is_an_error) {
  EXPECT_NE(error_of(R"({"a": 1e999})").find("too large"), std::string::npos) << error_of(R"({"a": 1e999})");
}

TEST(MappingFileTest, missing_misspelled_and_repeated_names_are_errors) {
  EXPECT_NE(error_of(R"({"asyncUploadPathMapping": {}})").find("cacheOnlyMountPoint is missing"), std::string::npos);
  EXPECT_NE(error_of(R"({"cacheOnlyMountPoint": "/c"})").find("asyncUploadPathMapping is missing"), std::string::npos);
  EXPECT_NE(error_of(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {}, "blacklist": []})").find("'blacklist'"),
            std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": "/s3/a", "/cache-only/a": "/s3/b")")).find("'/cache-only/a' occurs twice"),
            std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": {"path": "/s3/a", "onDeletion": "keep"})")).find("'onDeletion'"),
            std::string::npos);
}

TEST(MappingFileTest, entries_that_overlap_are_named_both) {
  const std::string nested = error_of(entries(R"("/cache-only/a": "/s3/a", "/cache-only/a/b": "/s3/b")"));
  EXPECT_NE(nested.find("entry '/cache-only/a/b' overlaps with entry '/cache-only/a'"), std::string::npos) << nested;
  const std::string into = error_of(entries(R"("/cache-only/a": "/s3/x", "/cache-only/b": "/s3/x/y")"));
  EXPECT_NE(into.find("entry '/cache-only/b' is mapped into the target of entry '/cache-only/a'"), std::string::npos) << into;
  EXPECT_EQ(error_of(entries(R"("/cache-only/a": "/s3/x", "/cache-only/ab": "/s3/xy")")), "no error");
}

TEST(MappingFileTest, a_target_in_the_cache_itself_is_refused) {
  EXPECT_NE(error_of(entries(R"("/cache-only/a": "/cache-only/a")")).find("onto the cache itself"), std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": "/cache-only/b/c")")).find("onto the cache itself"), std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": "/")")).find("onto the cache itself"), std::string::npos);
}

TEST(MappingFileTest, a_source_outside_of_the_mount_point_is_refused) {
  EXPECT_NE(error_of(entries(R"("/elsewhere/a": "/s3/a")")).find("is not below cacheOnlyMountPoint"), std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-onlya": "/s3/a")")).find("is not below cacheOnlyMountPoint"), std::string::npos);
}

TEST(MappingFileTest, values_of_the_wrong_kind_say_what_is_possible) {
  EXPECT_NE(error_of(entries(R"("/cache-only/a": 7)")).find("entry '/cache-only/a'"), std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": {"path": "/s3/a", "onDelete": "drop"})")).find("one of keep, delete"),
            std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": {"path": "/s3/a", "settle": "2"})")).find("settle"), std::string::npos);
  EXPECT_NE(error_of(entries(R"("/cache-only/a": {"path": "/s3/a", "exclude": ["a/b"]})")).find("exclude"), std::string::npos);
  EXPECT_NE(error_of(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {}, "blackList": [""]})").find("blackList"),
            std::string::npos);
  for (const char* path : {"cache", "/cache-only/../x", "/cache-only//x", "/cache-only/./x"}) {
    EXPECT_NE(error_of(entries("\"" + std::string(path) + "\": \"/s3/a\"")).find("is no absolute path"), std::string::npos)
        << path;
  }
  EXPECT_NE(error_of(std::string(kMaxMappingFile + 1, ' ')).find("larger than 1 MiB"), std::string::npos);
}

}  // namespace
}  // namespace forebay::master
