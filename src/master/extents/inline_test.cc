#include "master/extents/inline.h"

#include <gmock/gmock.h>

#include "base/crc32c.h"
#include "master/extents/layout.h"
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

using ::testing::HasSubstr;

class InlineTest : public ContentWorld {
 protected:
  // A file that was created without an object.
  Writing begin(std::string_view path) {
    auto opened = create(path, 0644, v1::ACCESS_READ_WRITE);
    EXPECT_TRUE(opened) << path;
    return opened ? Writing{HandleId{opened->handle()}, InodeId{opened->attr().inode()}, 0} : Writing{};
  }
  static v1::CommitRequest inline_request(HandleId handle, std::string_view text) {
    auto request = request_of(handle);
    request.set_inline_content(std::string(text));
    request.set_inline_crc32c(crc32c(as_bytes(text)));
    return request;
  }
  static void show(v1::CommitRequest& request, uint64_t offset, uint64_t length, uint64_t from = 0, bool at_end = false) {
    v1::NewExtent& added = *request.add_extents();
    *added.mutable_extent() = extent(offset, length, 0, from);
    added.set_inlined(true);
    added.set_at_end(at_end);
  }
  Result<v1::CommitReply> write(HandleId handle, std::string_view text, uint64_t offset, bool close = false) {
    auto request = inline_request(handle, text);
    show(request, offset, text.size());
    request.set_close(close);
    return commit(request);
  }
  // The file as a reader puts it together.
  std::string content(InodeId inode) {
    std::string all;
    auto page = layout(inode);
    EXPECT_TRUE(page);
    if (!page) return all;
    all.resize(page->size());
    for (const v1::Extent& each : page->extents()) {
      for (const v1::ObjectLocation& object : page->objects()) {
        if (object.object() != each.object()) continue;
        EXPECT_TRUE(object.inlined());
        EXPECT_EQ(crc32c(as_bytes(object.content())), object.crc32c());
        all.replace(each.file_offset(), each.length(), object.content().substr(each.object_offset(), each.length()));
      }
    }
    return all;
  }
  uint64_t total() { return *inline_bytes(*store_); }
};

TEST_F(InlineTest, a_small_file_takes_a_create_and_a_commit_and_no_worker) {
  const Writing file = begin("/a");
  auto reply = write(file.handle, "hello", 0, true);
  ASSERT_TRUE(reply);
  EXPECT_NE(reply->inline_object(), 0u);
  EXPECT_EQ(reply->attr().size(), 5u);
  EXPECT_EQ(reply->attr().stored_bytes(), 5u);
  EXPECT_EQ(reply->attr().version(), 1u);
  EXPECT_EQ(content(file.inode), "hello");
  EXPECT_EQ(count("J"), 1u);
  EXPECT_EQ(count("P") + count("X") + count("Y") + count("H"), 0u);
  EXPECT_EQ(total(), 5u);
  const auto record = object(reply->inline_object());
  EXPECT_TRUE(record->sealed());
  EXPECT_TRUE(record->inlined());
  EXPECT_EQ(record->workers_size(), 0);
}

TEST_F(InlineTest, content_goes_with_the_last_list_that_shows_it) {
  const Writing file = begin("/a");
  ASSERT_TRUE(write(file.handle, "hello", 0));
  ASSERT_TRUE(write(file.handle, "HELLO world", 0, true));
  EXPECT_EQ(content(file.inode), "HELLO world");
  EXPECT_EQ(count("J"), 1u);
  EXPECT_EQ(total(), 11u);
  ASSERT_TRUE(truncate("/a", 0));
  EXPECT_EQ(count("J"), 0u);
  EXPECT_EQ(total(), 0u);
  ASSERT_TRUE(unlink("/a"));
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(InlineTest, a_removed_file_takes_its_content_along) {
  ASSERT_TRUE(write(begin("/a").handle, "hello", 0, true));
  ASSERT_TRUE(unlink("/a"));
  EXPECT_EQ(count("J") + count("O"), 0u);
  EXPECT_EQ(total(), 0u);
}

TEST_F(InlineTest, overwrites_holes_and_truncation_show_what_they_should) {
  const Writing file = begin("/a");
  ASSERT_TRUE(write(file.handle, "abcdef", 0));
  ASSERT_TRUE(write(file.handle, "XY", 2));
  ASSERT_TRUE(write(file.handle, "tail", 10));
  EXPECT_EQ(content(file.inode), std::string("abXYef\0\0\0\0tail", 14));
  ASSERT_TRUE(truncate("/a", 4, file.handle));
  ASSERT_TRUE(truncate("/a", 6, file.handle));
  EXPECT_EQ(content(file.inode), std::string("abXY\0\0", 6));
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(content(file.inode), std::string("abXY\0\0", 6));
  EXPECT_EQ(stat("/a")->stored_bytes(), 4u);
}

TEST_F(InlineTest, appends_go_to_where_the_file_ends) {
  const Writing one = begin("/a");
  auto other = open("/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(other);
  auto request = inline_request(one.handle, "one");
  show(request, 0, 3, 0, true);
  ASSERT_TRUE(commit(request));
  request = inline_request(HandleId{other->handle()}, "two");
  show(request, 0, 3, 0, true);
  auto reply = commit(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->offsets(0), 3u);
  EXPECT_EQ(content(one.inode), "onetwo");
}

TEST_F(InlineTest, a_file_may_have_both_kinds_of_objects) {
  const Writing file = begin("/a");
  ASSERT_TRUE(write(file.handle, "head", 0));
  auto grant = allocate(file.handle, 1000);
  ASSERT_TRUE(grant);
  ASSERT_TRUE(commit(file.handle, {extent(4, 100, grant->object())}));
  auto page = layout(file.inode);
  ASSERT_EQ(page->objects_size(), 2);
  EXPECT_EQ(page->objects(0).content(), "head");
  EXPECT_FALSE(page->objects(1).inlined());
  EXPECT_EQ(stat("/a")->stored_bytes(), 104u);
}

TEST_F(InlineTest, content_that_no_extent_shows_is_not_kept) {
  const Writing file = begin("/a");
  ASSERT_TRUE(commit(inline_request(file.handle, "nobody's")));
  EXPECT_EQ(count("J") + count("O"), 0u);
  EXPECT_EQ(total(), 0u);
}

TEST_F(InlineTest, malformed_content_is_refused_and_leaves_nothing) {
  const Writing file = begin("/a");
  auto request = inline_request(file.handle, "hello");
  show(request, 0, 5);
  request.set_inline_crc32c(request.inline_crc32c() + 1);
  EXPECT_EQ(code_of(commit(request)), Code::kInvalid);
  request = inline_request(file.handle, "hello");
  show(request, 0, 5, 1);
  EXPECT_EQ(code_of(commit(request)), Code::kInvalid);
  request = inline_request(file.handle, std::string(kMaxInlineContent + 1, 'x'));
  show(request, 0, 5);
  EXPECT_EQ(code_of(commit(request)), Code::kInvalid);
  request = request_of(file.handle);
  show(request, 0, 5);
  EXPECT_EQ(code_of(commit(request)), Code::kInvalid);
  EXPECT_EQ(count("J") + count("O"), 0u);
}

TEST_F(InlineTest, what_answers_a_change_leaves_content_out) {
  const Writing file = begin("/a");
  ASSERT_TRUE(write(file.handle, "hello", 0, true));
  auto opened = open("/a", v1::ACCESS_READ_WRITE);
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->layout().objects_size(), 1);
  EXPECT_TRUE(opened->layout().objects(0).inlined());
  EXPECT_TRUE(opened->layout().objects(0).content().empty());
  v1::OpenRequest request;
  request.set_inode(file.inode.value);
  request.set_access(v1::ACCESS_READ);
  auto read = run(ops::open_read, request);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->layout().objects(0).content(), "hello");
}

TEST_F(InlineTest, a_page_holds_so_much_content_and_at_least_one_objects) {
  const Writing file = begin("/a");
  const std::string large(kMaxInlineContent, 'x');
  constexpr uint64_t kObjects = 6;
  for (uint64_t i = 0; i < kObjects; ++i) ASSERT_TRUE(write(file.handle, large, i * large.size()));
  size_t pages = 0, objects = 0;
  for (uint64_t offset = 0; offset < kObjects * large.size(); ++pages) {
    auto page = layout(file.inode, offset);
    ASSERT_TRUE(page);
    ASSERT_GT(page->extents_size(), 0);
    size_t bytes = 0;
    for (const v1::ObjectLocation& object : page->objects()) bytes += object.content().size();
    EXPECT_LE(bytes, kInlineInPage);
    objects += static_cast<size_t>(page->objects_size());
    const v1::Extent& last = page->extents(page->extents_size() - 1);
    offset = last.file_offset() + last.length();
    EXPECT_EQ(page->more(), offset < kObjects * large.size());
  }
  EXPECT_EQ(pages, 2u);
  EXPECT_EQ(objects, kObjects);
}

TEST_F(InlineTest, fsck_finds_damage) {
  const Writing file = begin("/a");
  auto reply = write(file.handle, "hello", 0, true);
  ASSERT_TRUE(reply);
  const std::string key = key::inline_content(ObjectId{reply->inline_object()});
  ASSERT_TRUE(change([&](MutationContext& context) -> Result<void> {
    context.txn.put(key, "hellO");
    return {};
  }));
  EXPECT_THAT(problems(), ::testing::ElementsAre(HasSubstr("has other inline content than its checksum says")));
  ASSERT_TRUE(change([&](MutationContext& context) -> Result<void> {
    context.txn.erase(key);
    return {};
  }));
  EXPECT_THAT(problems(), ::testing::Contains(HasSubstr("0 of 5 bytes of inline object")));
  ASSERT_TRUE(change([&](MutationContext& context) -> Result<void> {
    context.txn.put(key, "hello");
    context.txn.put(key::inline_content(ObjectId{99}), "stray");
    return {};
  }));
  EXPECT_THAT(problems(), ::testing::Contains(HasSubstr("inline content of object 99 is nobody's")));
  ASSERT_TRUE(change([&](MutationContext& context) -> Result<void> {
    context.txn.erase(key::inline_content(ObjectId{99}));
    return {};
  }));
}

}  // namespace
}  // namespace forebay::master
