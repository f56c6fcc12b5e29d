#include "fuse/dir_stream.h"

#include <gtest/gtest.h>

#include <set>

#include "async/loop.h"

namespace forebay::fuse {
namespace {

std::string name_of(size_t i) {
  std::string digits = std::to_string(i);
  return "f" + std::string(7 - digits.size(), '0') + digits;
}

// A directory that can change while it is read.
class DirStreamTest : public ::testing::Test {
 protected:
  static Task<Result<client::Listed>> fetch(DirStreamTest* test, std::string after, uint32_t limit, bool attributes) {
    ++test->fetches_;
    if (test->error_ != 0) co_return rejected(test->error_, "as told");
    client::Listed listed{.entries = {}, .end = false, .parent = InodeId{3}};
    auto at = test->names_.upper_bound(after);
    for (; at != test->names_.end() && listed.entries.size() < limit; ++at) {
      v1::DirEntry& entry = listed.entries.emplace_back();
      entry.set_name(*at);
      entry.set_inode(100);
      entry.set_type(v1::FILE_TYPE_REGULAR);
      if (attributes && test->may_search_) entry.mutable_attr()->set_size(42);
    }
    listed.end = at == test->names_.end();
    co_return listed;
  }

  DirStream make(DirStreamConfig config) {
    return DirStream(
        InodeId{7}, config,
        [this](std::string after, uint32_t limit, bool attributes) { return fetch(this, std::move(after), limit, attributes); },
        [this] { return stamp_; });
  }
  void fill(size_t count) {
    for (size_t i = 0; i < count; ++i) names_.insert(name_of(i));
  }
  // "" at the end.
  std::string at(DirStream& stream, uint64_t position, bool attributes = false) {
    auto entry = async::block_on(loop_.executor(), stream.at(position, attributes));
    EXPECT_TRUE(entry.has_value());
    return *entry ? std::string((*entry)->name) : std::string();
  }
  std::vector<std::string> rest(DirStream& stream, uint64_t from) {
    std::vector<std::string> out;
    for (std::string name = at(stream, from); !name.empty(); name = at(stream, ++from)) out.push_back(name);
    return out;
  }

  std::set<std::string> names_;
  size_t fetches_ = 0;
  uint64_t stamp_ = 1;
  int error_ = 0;
  bool may_search_ = true;
  async::Loop loop_{"test"};
};

TEST_F(DirStreamTest, an_empty_directory_holds_itself_and_its_parent) {
  DirStream stream = make({});
  EXPECT_EQ(rest(stream, 0), (std::vector<std::string>{".", ".."}));
  auto parent = async::block_on(loop_.executor(), stream.at(1, false));
  EXPECT_EQ((**parent).inode, 3u);
}

TEST_F(DirStreamTest, every_entry_comes_once_and_pages_are_fetched_once) {
  fill(1000);
  DirStream stream = make({.page_entries = 64});
  const auto all = rest(stream, 0);
  ASSERT_EQ(all.size(), 1002u);
  EXPECT_EQ(all[2], name_of(0));
  EXPECT_EQ(all.back(), name_of(999));
  EXPECT_EQ(fetches_, 16u);
}

TEST_F(DirStreamTest, removing_what_was_read_skips_nothing) {
  fill(1000);
  DirStream stream = make({.page_entries = 64});
  at(stream, 0);
  size_t seen = 0;
  for (uint64_t position = 2;; ++position) {
    const std::string name = at(stream, position);
    if (name.empty()) break;
    EXPECT_EQ(name, name_of(seen++));
    names_.erase(name);
  }
  EXPECT_EQ(seen, 1000u);
  EXPECT_TRUE(names_.empty());
}

TEST_F(DirStreamTest, going_back_within_the_last_reply_is_exact_whatever_was_removed) {
  fill(500);
  DirStream stream = make({.page_entries = 100});
  for (uint64_t position = 0; position < 305; ++position) at(stream, position);
  names_.clear();
  EXPECT_EQ(at(stream, 250), name_of(248));
  EXPECT_EQ(at(stream, 303), name_of(301));
}

TEST_F(DirStreamTest, a_seek_anywhere_finds_the_same_entry_again) {
  fill(5000);
  DirStream stream = make({.page_entries = 64, .bookmarks = 8});
  const auto all = rest(stream, 0);
  for (uint64_t position : {4000u, 17u, 2500u, 2u, 5001u, 64u, 66u}) EXPECT_EQ(at(stream, position), all[position]) << position;
  EXPECT_EQ(at(stream, 5002), "");
  EXPECT_EQ(at(stream, 1u << 30), "");
}

TEST_F(DirStreamTest, bookmarks_stay_bounded) {
  fill(20000);
  DirStream stream = make({.page_entries = 16, .bookmarks = 8});
  rest(stream, 0);
  EXPECT_LE(stream.bookmark_count(), 8u);
  EXPECT_GE(stream.bookmark_count(), 4u);
}

TEST_F(DirStreamTest, reading_from_the_start_again_shows_what_changed) {
  fill(10);
  DirStream stream = make({});
  EXPECT_EQ(rest(stream, 0).size(), 12u);
  names_.insert("new");
  EXPECT_EQ(rest(stream, 0).size(), 13u);
}

TEST_F(DirStreamTest, attributes_carry_the_moment_they_were_read_at) {
  fill(3);
  DirStream stream = make({});
  auto entry = async::block_on(loop_.executor(), stream.at(2, true));
  ASSERT_NE((**entry).attr, nullptr);
  EXPECT_EQ((**entry).attr->size(), 42u);
  EXPECT_EQ((**entry).stamp, 1u);
  at(stream, 0);
  entry = async::block_on(loop_.executor(), stream.at(2, false));
  EXPECT_EQ((**entry).attr, nullptr);
}

TEST_F(DirStreamTest, an_entry_that_came_without_attributes_has_none) {
  fill(1);
  may_search_ = false;
  DirStream stream = make({});
  const auto entry = async::block_on(loop_.executor(), stream.at(2, true));
  EXPECT_EQ((**entry).name, name_of(0));
  EXPECT_EQ((**entry).attr, nullptr);
}

TEST_F(DirStreamTest, an_error_is_handed_on_and_the_stream_can_go_on_later) {
  fill(3);
  DirStream stream = make({});
  error_ = EIO;
  auto entry = async::block_on(loop_.executor(), stream.at(2, false));
  ASSERT_FALSE(entry.has_value());
  EXPECT_TRUE(entry.error().is_errno(EIO));
  error_ = 0;
  EXPECT_EQ(at(stream, 2), name_of(0));
}

}  // namespace
}  // namespace forebay::fuse
