#include "master/ops/world.h"

namespace forebay::master {
namespace {

class ContentTest : public World {};

TEST_F(ContentTest, a_small_file_takes_a_create_and_a_commit) {
  auto opened = create("/a", 0644, v1::ACCESS_WRITE, 4096);
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->grants_size(), 1);
  EXPECT_TRUE(opened->created());
  EXPECT_NE(opened->handle(), 0u);
  uint64_t object = opened->grants(0).object();

  v1::CommitRequest request;
  request.set_handle(opened->handle());
  *request.add_extents()->mutable_extent() = extent(0, 100, object);
  auto& sealed = *request.add_sealed();
  sealed.set_object(object);
  sealed.set_length(100);
  sealed.set_crc32c(77);
  request.set_close(true);
  auto reply = commit(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().size(), 100u);
  EXPECT_EQ(reply->attr().version(), 1u);
  EXPECT_EQ(reply->attr().stored_bytes(), 100u);
  EXPECT_FALSE(reply->attr().open_for_write());
  EXPECT_EQ(reply->offsets(0), 0u);

  auto layout = this->layout(inode_of("/a"));
  ASSERT_TRUE(layout);
  ASSERT_EQ(layout->extents_size(), 1);
  ASSERT_EQ(layout->objects_size(), 1);
  EXPECT_TRUE(layout->objects(0).sealed());
  EXPECT_EQ(layout->objects(0).length(), 100u);
  EXPECT_EQ(count("H"), 0u);
  EXPECT_EQ(count("h"), 0u);
  EXPECT_EQ(count("W"), 0u);
}

TEST_F(ContentTest, an_unlinked_small_file_is_gone_at_once_with_duties_for_each_copy) {
  write_file("/a", 100);
  ASSERT_TRUE(unlink("/a"));
  EXPECT_EQ(count("I"), 1u);
  EXPECT_EQ(count("O"), 0u);
  EXPECT_EQ(count("X"), 2u);
  EXPECT_EQ(count("P"), 2u);
  EXPECT_EQ(count("V"), 0u);
  EXPECT_EQ(count("N"), 0u);
}

TEST_F(ContentTest, read_dir_goes_on_from_a_cursor) {
  ASSERT_TRUE(mkdir("/d"));
  for (char c = 'a'; c < 'f'; ++c) write_file(std::string("/d/") + c, 1);
  auto page = read_dir("/d", "b", 2, true);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries_size(), 2);
  EXPECT_EQ(page->entries(0).name(), "c");
  EXPECT_EQ(page->entries(0).attr().size(), 1u);
  EXPECT_FALSE(page->end());
  EXPECT_EQ(page->parent(), 1u);
}

}  // namespace
}  // namespace forebay::master
