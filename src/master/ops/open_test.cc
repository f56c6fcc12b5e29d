// create, open, allocate, get-layout.
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class OpenTest : public ContentWorld {};

TEST_F(OpenTest, a_create_that_asks_for_no_object_grants_none) {
  auto opened = create("/a");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->grants_size(), 0);
  auto reply = close(HandleId{opened->handle()});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().version(), 1u) << "empty files have a version too";
  EXPECT_EQ(count("V"), 0u);
}

TEST_F(OpenTest, a_create_succeeds_though_no_worker_has_room_and_allocate_says_so) {
  placer.full = true;
  auto opened = create("/a", 0644, v1::ACCESS_WRITE, 100);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->grants_size(), 0);
  EXPECT_EQ(error_of(allocate(HandleId{opened->handle()}, 100)), ENOSPC);
  placer.gone = true;
  EXPECT_EQ(code_of(allocate(HandleId{opened->handle()}, 100)), Code::kElsewhere);
  ASSERT_TRUE(close(HandleId{opened->handle()}));
}

TEST_F(OpenTest, create_opens_what_is_there_unless_exclusive) {
  write_file("/a", 100);
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(symlink("a", "/s"));
  ASSERT_TRUE(mknod("/p", v1::FILE_TYPE_FIFO));
  int64_t parent_changed = stat("/")->mtime_ns();
  tick();
  auto opened = create("/a", 0600, v1::ACCESS_READ);
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->created());
  EXPECT_EQ(opened->handle(), 0u);
  EXPECT_EQ(opened->attr().mode(), 0644u);
  EXPECT_EQ(opened->layout().extents_size(), 1);
  EXPECT_EQ(stat("/")->mtime_ns(), parent_changed);
  v1::CreateRequest request;
  request.set_access(v1::ACCESS_WRITE);
  EXPECT_EQ(error_of(create(request, "/d")), EISDIR);
  EXPECT_EQ(error_of(create(request, "/s")), ELOOP);
  EXPECT_EQ(error_of(create(request, "/p")), ENXIO);
  request.set_exclusive(true);
  for (const char* path : {"/a", "/d", "/s", "/p"}) EXPECT_EQ(error_of(create(request, path)), EEXIST) << path;
  request.set_access(v1::ACCESS_UNSPECIFIED);
  EXPECT_EQ(error_of(create(request, "/new")), EINVAL);
  as = user(5, 5);
  request.set_access(v1::ACCESS_WRITE);
  request.set_exclusive(false);
  EXPECT_EQ(error_of(create(request, "/a")), EACCES);
  EXPECT_EQ(error_of(create(request, "/new")), EACCES);
}

TEST_F(OpenTest, the_creator_writes_whatever_the_mode_says) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(chmod("/d", 0777));
  as = user(5, 5);
  auto opened = create("/d/f", 0, v1::ACCESS_READ_WRITE, 100);
  ASSERT_TRUE(opened);
  EXPECT_EQ(error_of(open("/d/f", v1::ACCESS_READ)), EACCES);
  ASSERT_TRUE(commit(HandleId{opened->handle()}, {extent(0, 10, opened->grants(0).object())}, true));
  EXPECT_EQ(stat("/d/f")->size(), 10u);
}

TEST_F(OpenTest, a_file_made_for_reading_is_sealed_and_empty) {
  auto opened = create("/a", 0644, v1::ACCESS_READ);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->created());
  EXPECT_EQ(opened->handle(), 0u);
  EXPECT_EQ(opened->attr().version(), 1u);
}

TEST_F(OpenTest, create_with_truncation_empties_what_is_there) {
  write_file("/a", 100);
  tick();
  v1::CreateRequest request;
  request.set_access(v1::ACCESS_WRITE);
  request.set_truncate(true);
  auto opened = create(request, "/a");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->attr().size(), 0u);
  EXPECT_EQ(opened->attr().mtime_ns(), now_ns());
  EXPECT_EQ(opened->layout().extents_size(), 0);
  EXPECT_EQ(count("O"), 1u) << "the sealed version holds it until the next is sealed";
  ASSERT_TRUE(close(HandleId{opened->handle()}));
  EXPECT_EQ(count("O"), 0u);
  EXPECT_EQ(stat("/a")->version(), 2u);
}

TEST_F(OpenTest, open_refuses_what_is_not_a_file_to_write) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(symlink("d", "/s"));
  ASSERT_TRUE(mknod("/p", v1::FILE_TYPE_FIFO));
  EXPECT_EQ(error_of(open("/d", v1::ACCESS_WRITE)), EISDIR);
  EXPECT_EQ(error_of(open("/d", v1::ACCESS_READ, true)), EISDIR);
  EXPECT_EQ(error_of(open("/d", v1::ACCESS_READ)), 0);
  EXPECT_EQ(error_of(open("/s", v1::ACCESS_READ)), ELOOP);
  EXPECT_EQ(error_of(open("/p", v1::ACCESS_READ)), ENXIO);
  EXPECT_EQ(error_of(open("/d", v1::ACCESS_UNSPECIFIED)), EINVAL);
  v1::OpenRequest request;
  request.set_inode(99);
  request.set_access(v1::ACCESS_READ);
  EXPECT_EQ(error_of(run(ops::open_read, request)), ESTALE);
  request.set_access(v1::ACCESS_WRITE);
  EXPECT_EQ(error_of(run(ops::open_read, request)), EINVAL);
  write_file("/f", 1);
  as.session = {};
  EXPECT_EQ(error_of(open("/f", v1::ACCESS_WRITE)), EINVAL) << "no session";
  as = root();
}

TEST_F(OpenTest, truncation_at_open_needs_write_permission) {
  write_file("/a", 100, 0644);
  as = user(5, 5);
  EXPECT_EQ(error_of(open("/a", v1::ACCESS_READ, true)), EACCES);
  EXPECT_EQ(stat("/a")->size(), 100u);
  as = root();
  auto opened = open("/a", v1::ACCESS_READ, true);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->handle(), 0u);
  EXPECT_EQ(opened->attr().size(), 0u);
  EXPECT_EQ(opened->attr().version(), 2u);
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(OpenTest, an_open_that_writes_nothing_leaves_the_version) {
  write_file("/a", 100);
  auto opened = open("/a", v1::ACCESS_READ_WRITE);
  ASSERT_TRUE(opened);
  auto reply = close(HandleId{opened->handle()});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().version(), 1u);
}

TEST_F(OpenTest, allocation_has_limits) {
  Writing file = start("/a", 100);
  EXPECT_EQ(error_of(allocate(file.handle, 0)), EINVAL);
  v1::AllocateRequest request;
  request.set_handle(file.handle.value);
  request.mutable_placement()->set_bytes(10);
  request.set_count(65);
  EXPECT_EQ(error_of(run(ops::allocate, request)), EINVAL);
  request.set_count(64);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(ops::allocate, request)->grants_size(), 64);
  EXPECT_EQ(run(ops::allocate, request)->grants_size(), 63) << "256 in all";
  EXPECT_EQ(error_of(run(ops::allocate, request)), ENOBUFS);
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(OpenTest, layouts_come_in_pages) {
  auto opened = create("/a");
  ASSERT_TRUE(opened);
  HandleId handle{opened->handle()};
  auto grant = allocate(handle, 100'000);
  ASSERT_TRUE(grant);
  auto request = request_of(handle);
  for (uint64_t i = 0; i < 1500; ++i) *request.add_extents()->mutable_extent() = extent(i * 20, 10, grant->object(), i * 10);
  request.set_close(true);
  ASSERT_TRUE(commit(request));
  InodeId inode = inode_of("/a");
  auto first = layout(inode);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->extents_size(), 1024);
  EXPECT_TRUE(first->more());
  EXPECT_EQ(first->objects_size(), 1);
  EXPECT_EQ(first->size(), 1499u * 20 + 10);
  const v1::Extent& last = first->extents(1023);
  auto second = layout(inode, last.file_offset() + last.length());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->extents_size(), 476);
  EXPECT_FALSE(second->more());
  EXPECT_EQ(second->extents(0).file_offset(), 1024u * 20);
  EXPECT_EQ(layout(inode, 25)->extents(0).file_offset(), 20u) << "the one that holds the offset";
  EXPECT_EQ(layout(inode, 15)->extents(0).file_offset(), 20u) << "in a hole: the next";
  EXPECT_EQ(layout(inode, 1'000'000)->extents_size(), 0);
}

TEST_F(OpenTest, a_layout_is_for_readers_and_for_those_who_have_it_open) {
  write_file("/a", 10, 0600);
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(symlink("x", "/s"));
  EXPECT_EQ(error_of(layout(inode_of("/d"))), EISDIR);
  EXPECT_EQ(error_of(layout(inode_of("/s"))), EINVAL);
  as = user(5, 5);
  EXPECT_EQ(error_of(layout(inode_of("/a"))), EACCES);
  v1::GetLayoutRequest request;
  request.set_inode(inode_of("/a").value);
  request.set_handle(4);
  EXPECT_EQ(error_of(run(ops::get_layout, request)), 0);
}

TEST_F(OpenTest, lost_records_are_corrupt_and_not_zeros) {
  write_file("/a", 10);
  InodeId inode = inode_of("/a");
  auto list = store_->get(key::sealed_extents(inode, Version{1}));
  ASSERT_TRUE(list && *list);
  auto put = [&](std::string key, std::optional<std::string> value) {
    kv::WriteBatch batch;
    value ? batch.put(key, *value) : batch.erase(key);
    ASSERT_TRUE(store_->write(batch));
  };
  put(key::sealed_extents(inode, Version{1}), std::nullopt);
  EXPECT_EQ(code_of(layout(inode)), Code::kCorrupt);
  EXPECT_EQ(code_of(open("/a", v1::ACCESS_READ)), Code::kCorrupt);
  put(key::sealed_extents(inode, Version{1}), **list);
  uint64_t id = layout(inode)->extents(0).object();
  auto record = store_->get(key::object(ObjectId{id}));
  ASSERT_TRUE(record && *record);
  put(key::object(ObjectId{id}), std::nullopt);
  EXPECT_EQ(code_of(layout(inode)), Code::kCorrupt);
  put(key::object(ObjectId{id}), **record);
}

}  // namespace
}  // namespace forebay::master
