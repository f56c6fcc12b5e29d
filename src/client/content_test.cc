// What a client knows of a file's content.
#include "client/content.h"

#include <gtest/gtest.h>

namespace forebay::client {
namespace {

v1::Layout layout_of(uint64_t number, uint64_t size, uint64_t object) {
  v1::Layout layout;
  layout.set_layout(number);
  layout.set_size(size);
  v1::Extent& extent = *layout.add_extents();
  extent.set_length(size);
  extent.set_object(object);
  layout.add_objects()->set_object(object);
  return layout;
}

v1::Attr attr_of(uint64_t layout, uint64_t size) {
  v1::Attr attr;
  attr.set_layout(layout);
  attr.set_size(size);
  return attr;
}

TEST(Content, a_truncation_to_the_size_that_another_client_has_made_shows_that_clients_bytes) {
  Content content(100);
  content.adopt(layout_of(5, 1000, 1), 0);
  content.truncated(attr_of(6, 400));  // the other's layout: the truncation changed nothing
  EXPECT_EQ(content.size(), 400u);
  EXPECT_EQ(content.find(0, 400).unknown_from, 0u);
}

TEST(Content, a_truncation_that_changes_nothing_leaves_what_is_known) {
  Content content(100);
  content.adopt(layout_of(5, 1000, 1), 0);
  content.truncated(attr_of(5, 1000));
  const Found found = content.find(0, 1000);
  EXPECT_FALSE(found.unknown_from);
  ASSERT_EQ(found.pieces.size(), 1u);
  EXPECT_EQ(found.pieces.front().object, ObjectId{1});
}

TEST(Content, an_emptied_file_has_nothing_that_is_not_known) {
  Content content(100);
  content.adopt(layout_of(5, 1000, 1), 0);
  content.truncated(attr_of(9, 0));
  content.lay({500, 10, ObjectId{2}, 0});
  const Found found = content.find(0, 510);
  EXPECT_FALSE(found.unknown_from);
  EXPECT_EQ(found.pieces.size(), 2u);
}

TEST(LayoutCache, inline_content_that_is_kept_again_counts_once) {
  LayoutCache cache(100);
  const auto half = std::make_shared<const std::string>(600'000, 'x');
  cache.adopt(layout_of(1, 10, 1), 0);
  cache.keep(ObjectId{1}, half);
  cache.keep(ObjectId{1}, half);
  cache.adopt(layout_of(1, 10, 1), 0);
  EXPECT_NE(cache.inlined(ObjectId{1}), nullptr) << "twice as much would be too much, and begin anew";
}

}  // namespace
}  // namespace forebay::client
