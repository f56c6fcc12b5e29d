#include "cli/json_text.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

TEST(JsonText, text_is_written_as_nlohmann_does) {
  const Json value = {{"name", "a \"b\"\n\\ \u00e9 \u20ac \U0001f600 \x01 \x7f"},
                      {"empty", Json::array()},
                      {"nothing", Json::object()},
                      {"list", {1, -2.5, true, nullptr, "x", {{"deep", {1, 2}}}}},
                      {"", ""}};
  EXPECT_EQ(json_text(value), value.dump());
  EXPECT_EQ(json_text(value, 2), value.dump(2));
}

TEST(JsonText, bytes_that_are_no_text_are_told_apart_and_come_back) {
  EXPECT_EQ(json_text(Json("a\xff\x80z")), R"("a\udcff\udc80z")");
  EXPECT_EQ(json_text(Json("\xe2\x82")), R"("\udce2\udc82")") << "half a character";
  EXPECT_EQ(json_text(Json("\xe2\x82\xc3\xa9")), "\"\\udce2\\udc82\u00e9\"");
  EXPECT_EQ(json_text(Json({{"k\xfe", 1}})), R"({"k\udcfe":1})");
}

// What could be read as something else is none: overlong forms, surrogates, beyond the last character.
TEST(JsonText, forms_that_no_reader_of_utf8_takes_are_bytes) {
  EXPECT_EQ(json_text(Json("\xc0\xaf")), R"("\udcc0\udcaf")");
  EXPECT_EQ(json_text(Json("\xe0\x80\xaf")), R"("\udce0\udc80\udcaf")");
  EXPECT_EQ(json_text(Json("\xed\xb3\xbf")), R"("\udced\udcb3\udcbf")");
  EXPECT_EQ(json_text(Json("\xf0\x80\x80\x80")), R"("\udcf0\udc80\udc80\udc80")");
  EXPECT_EQ(json_text(Json("\xf4\x90\x80\x80")), R"("\udcf4\udc90\udc80\udc80")");
}

}  // namespace
}  // namespace forebay::cli
