#include "cli/bench/place.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

class BenchPlaceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "bench-place-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    here = name;
  }
  void TearDown() override { fs::remove_all(here); }

  Result<std::unique_ptr<BenchPlace>> make(const fs::path& parent, MissingParent missing = MissingParent::kMake,
                                           bool keep = false) {
    return BenchPlace::make(local_endpoint(), parent.string(), 2, keep, missing);
  }
  static void put(const fs::path& file) { std::ofstream(file) << "somebody's"; }

  fs::path here;
};

TEST_F(BenchPlaceTest, what_is_missing_is_made_and_removed_with_what_is_in_it) {
  {
    auto place = make(here / "a" / "b");
    ASSERT_TRUE(place) << place.error().to_string();
    EXPECT_TRUE(fs::is_directory(here / "a" / "b"));
    put((*place)->file(1, 7));
  }
  EXPECT_TRUE(fs::is_empty(here)) << "and what was there before is there";
}

TEST_F(BenchPlaceTest, a_directory_in_which_somebody_else_has_something_stays) {
  {
    auto place = make(here / "a" / "b");
    ASSERT_TRUE(place);
    put(here / "a" / "theirs");
  }
  EXPECT_TRUE(fs::exists(here / "a" / "theirs"));
  EXPECT_FALSE(fs::exists(here / "a" / "b"));
}

TEST_F(BenchPlaceTest, what_is_kept_is_kept_whole) {
  {
    auto place = make(here / "a", MissingParent::kMake, true);
    ASSERT_TRUE(place);
    put((*place)->file(0, 0));
  }
  EXPECT_FALSE(fs::is_empty(here / "a"));
}

TEST_F(BenchPlaceTest, a_file_in_the_way_is_named_and_nothing_is_made) {
  put(here / "file");
  for (const fs::path& parent : {here / "file", here / "file" / "below"}) {
    auto place = make(parent);
    ASSERT_FALSE(place);
    EXPECT_TRUE(place.error().is_errno(ENOTDIR)) << place.error().to_string();
    EXPECT_TRUE(place.error().message().contains((here / "file").string())) << place.error().message();
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(here), {}), 1);
}

TEST_F(BenchPlaceTest, a_directory_of_this_host_has_to_be_there) {
  auto place = make(here / "a", MissingParent::kRefuse);
  ASSERT_FALSE(place);
  EXPECT_TRUE(place.error().is_errno(ENOENT));
  EXPECT_TRUE(fs::is_empty(here));
}

TEST_F(BenchPlaceTest, a_name_that_is_taken_leaves_nothing_of_what_was_made_for_it) {
  auto first = make(here / "a");
  ASSERT_TRUE(first);
  auto second = make(here / "a");
  ASSERT_FALSE(second) << "one process has one of them in one directory";
  EXPECT_TRUE(second.error().is_errno(EEXIST));
  EXPECT_TRUE(fs::exists((*first)->directory()));
}

}  // namespace
}  // namespace forebay::cli
