#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class CommitTest : public ContentWorld {};

TEST_F(CommitTest, a_small_file_takes_a_create_and_a_commit) {
  auto opened = create("/a", 0640, v1::ACCESS_WRITE, 4096);
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->grants_size(), 1);
  EXPECT_TRUE(opened->created());
  EXPECT_NE(opened->handle(), 0u);
  EXPECT_TRUE(opened->attr().open_for_write());
  EXPECT_EQ(opened->attr().mode(), 0640u);
  EXPECT_EQ(opened->grants(0).workers_size(), 2);
  EXPECT_EQ(opened->grants(0).bytes(), 4096u);
  uint64_t object = opened->grants(0).object();

  auto request = request_of(HandleId{opened->handle()});
  *request.add_extents()->mutable_extent() = extent(0, 100, object);
  add_sealed(request, object, 100, 77);
  request.set_close(true);
  tick();
  auto reply = commit(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().size(), 100u);
  EXPECT_EQ(reply->attr().version(), 1u);
  EXPECT_EQ(reply->attr().layout(), 1u);
  EXPECT_EQ(reply->attr().stored_bytes(), 100u);
  EXPECT_EQ(reply->attr().mtime_ns(), now_ns());
  EXPECT_EQ(reply->attr().ctime_ns(), now_ns());
  EXPECT_FALSE(reply->attr().open_for_write());
  EXPECT_EQ(reply->offsets(0), 0u);

  auto page = layout(inode_of("/a"));
  ASSERT_TRUE(page);
  EXPECT_EQ(pieces(inode_of("/a")), Texts{text(0, 100, object)});
  ASSERT_EQ(page->objects_size(), 1);
  EXPECT_TRUE(page->objects(0).sealed());
  EXPECT_EQ(page->objects(0).length(), 100u);
  EXPECT_EQ(page->objects(0).workers_size(), 2);
  EXPECT_EQ(count("H") + count("h") + count("W"), 0u);
  EXPECT_EQ(count("V"), 1u);
}

TEST_F(CommitTest, acknowledged_bytes_are_seen_before_the_close) {
  Writing file = start("/a");
  ASSERT_TRUE(commit(file.handle, {extent(0, 100, file.object)}));
  EXPECT_EQ(stat("/a")->size(), 100u);
  EXPECT_EQ(stat("/a")->version(), 0u);
  EXPECT_EQ(count("W"), 1u);
  auto page = layout(file.inode);
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->objects(0).sealed());
  EXPECT_EQ(page->objects(0).length(), 100u);
  ASSERT_TRUE(commit(file.handle, {extent(100, 50, file.object, 100)}));
  EXPECT_EQ(pieces(file.inode), Texts{text(0, 150, file.object)});
  EXPECT_EQ(object(file.object)->length(), 150u);
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(stat("/a")->version(), 1u);
}

TEST_F(CommitTest, overwrites_lay_new_objects_over_the_sealed_ones) {
  write_file("/a", 100);
  uint64_t sealed = layout(inode_of("/a"))->extents(0).object();
  auto opened = open("/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(opened);
  HandleId handle{opened->handle()};
  auto grant = allocate(handle, 1000);
  ASSERT_TRUE(grant);
  ASSERT_TRUE(commit(handle, {extent(20, 30, grant->object())}));
  EXPECT_EQ(pieces(inode_of("/a")), (Texts{text(0, 20, sealed), text(20, 30, grant->object()), text(50, 50, sealed, 50)}));
  EXPECT_EQ(count("V"), 1u);
  EXPECT_EQ(count("W"), 1u);
  ASSERT_TRUE(commit(handle, {extent(0, 200, grant->object(), 30)}));
  EXPECT_TRUE(object(sealed)) << "version 1 refers to it";
  auto request = request_of(handle);
  add_sealed(request, grant->object(), 230);
  request.set_close(true);
  auto reply = commit(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().version(), 2u);
  EXPECT_FALSE(object(sealed));
  EXPECT_TRUE(has(key::remove_duty(WorkerId{1}, ObjectId{sealed})));
  EXPECT_TRUE(has(key::copy(WorkerId{1}, ObjectId{sealed}))) << "until the worker says it is gone";
  EXPECT_EQ(count("V"), 1u);
  EXPECT_EQ(count("W"), 0u);
}

TEST_F(CommitTest, appends_go_where_the_file_ends_when_they_are_applied) {
  Writing file = start("/a");
  auto other = open("/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(other);
  auto grant = allocate(HandleId{other->handle()}, 100);
  ASSERT_TRUE(grant);
  auto append = [](HandleId handle, std::vector<v1::Extent> extents) {
    auto request = request_of(handle);
    for (v1::Extent& each : extents) {
      v1::NewExtent& added = *request.add_extents();
      *added.mutable_extent() = std::move(each);
      added.set_at_end(true);
    }
    return request;
  };
  auto reply = commit(append(file.handle, {extent(0, 10, file.object), extent(0, 5, file.object, 10)}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->offsets(0), 0u);
  EXPECT_EQ(reply->offsets(1), 10u);
  reply = commit(append(HandleId{other->handle()}, {extent(3, 7, grant->object())}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->offsets(0), 15u);
  ASSERT_TRUE(truncate("/a", 50));
  reply = commit(append(file.handle, {extent(0, 1, file.object, 20)}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->offsets(0), 50u);
  EXPECT_EQ(reply->attr().size(), 51u);
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(stat("/a")->version(), 0u) << "another handle is open";
  ASSERT_TRUE(close(HandleId{other->handle()}));
  EXPECT_EQ(stat("/a")->version(), 1u);
}

TEST_F(CommitTest, a_commit_refuses_what_its_handle_does_not_have) {
  Writing file = start("/a", 100);
  Writing other = start("/b", 100);
  write_file("/c", 50);
  uint64_t foreign_sealed = layout(inode_of("/c"))->extents(0).object();
  auto refused = [&](const v1::Extent& each) {
    auto reply = commit(file.handle, {each});
    return error_of(reply);
  };
  EXPECT_EQ(refused(extent(0, 101, file.object)), EINVAL);
  EXPECT_EQ(refused(extent(0, 1, file.object, 100)), EINVAL);
  EXPECT_EQ(refused(extent(0, 0, file.object)), EINVAL);
  EXPECT_EQ(refused(extent(0, 10, file.object, UINT64_MAX - 5)), EINVAL);
  EXPECT_EQ(refused(extent(0, UINT64_MAX, file.object)), EINVAL);
  EXPECT_EQ(refused(extent(UINT64_MAX - 5, 10, file.object)), EFBIG);
  EXPECT_EQ(refused(extent(uint64_t{INT64_MAX} - 5, 10, file.object)), EFBIG);
  EXPECT_EQ(refused(extent(0, 10, other.object)), EINVAL);
  EXPECT_EQ(refused(extent(0, 10, foreign_sealed)), EINVAL);
  EXPECT_EQ(refused(extent(0, 10, 999)), EINVAL);
  EXPECT_EQ(stat("/a")->size(), 0u);
  EXPECT_EQ(refused(extent(uint64_t{INT64_MAX} - 10, 10, file.object)), 0);

  auto request = request_of(file.handle);
  for (int i = 0; i < 4097; ++i) *request.add_extents()->mutable_extent() = extent(static_cast<uint64_t>(i), 1, file.object);
  EXPECT_EQ(error_of(commit(request)), EINVAL);
  request.mutable_extents()->RemoveLast();
  for (uint64_t i = 0; i < 4097; ++i) request.add_unused(i + 1'000'000);
  EXPECT_EQ(error_of(commit(request)), EINVAL);
  request.mutable_unused()->RemoveLast();
  EXPECT_EQ(error_of(commit(request)), 0);
  ASSERT_TRUE(close(file.handle));
  ASSERT_TRUE(close(other.handle));
  EXPECT_EQ(code_of(commit(file.handle, {})), Code::kStale);
  EXPECT_EQ(code_of(allocate(file.handle, 10)), Code::kStale);
}

TEST_F(CommitTest, a_handle_belongs_to_its_session) {
  Writing file = start("/a");
  as.session = SessionId{8};
  EXPECT_EQ(code_of(commit(file.handle, {extent(0, 1, file.object)})), Code::kStale);
  EXPECT_EQ(code_of(close(file.handle)), Code::kStale);
  EXPECT_EQ(code_of(allocate(file.handle, 10)), Code::kStale);
  as = root();
  ASSERT_TRUE(close(file.handle));
}

TEST_F(CommitTest, objects_of_another_writer_are_its_own_until_they_are_part_of_the_file_and_sealed) {
  Writing file = start("/a", 100);
  auto other = open("/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(other);
  HandleId second{other->handle()};
  ASSERT_TRUE(commit(file.handle, {extent(0, 50, file.object)}));
  EXPECT_EQ(error_of(commit(second, {extent(100, 10, file.object)})), EINVAL);
  auto request = request_of(file.handle);
  add_sealed(request, file.object, 60);
  ASSERT_TRUE(commit(request));
  EXPECT_EQ(error_of(commit(second, {extent(100, 60, file.object)})), 0);
  EXPECT_EQ(error_of(commit(second, {extent(100, 61, file.object)})), EINVAL);
  ASSERT_TRUE(close(file.handle));
  ASSERT_TRUE(close(second));
}

TEST_F(CommitTest, sealing_says_the_exact_length_once) {
  Writing file = start("/a", 100);
  ASSERT_TRUE(commit(file.handle, {extent(0, 50, file.object)}));
  auto sealing = [&](uint64_t length, uint32_t crc) {
    auto request = request_of(file.handle);
    add_sealed(request, file.object, length, crc);
    return error_of(commit(request));
  };
  EXPECT_EQ(sealing(49, 1), EINVAL) << "acknowledged bytes cannot be cut off";
  EXPECT_EQ(sealing(101, 1), EINVAL);
  EXPECT_EQ(sealing(60, 1), 0);
  EXPECT_EQ(sealing(60, 1), 0) << "again";
  EXPECT_EQ(sealing(60, 2), EINVAL);
  EXPECT_EQ(sealing(61, 1), EINVAL);
  EXPECT_EQ(error_of(commit(file.handle, {extent(60, 10, file.object, 60)})), EINVAL);
  auto request = request_of(file.handle);
  request.add_unused(file.object);
  EXPECT_EQ(error_of(commit(request)), EINVAL);
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(count("Y"), 0u);
}

TEST_F(CommitTest, an_object_sealed_in_no_file_is_freed) {
  Writing file = start("/a", 100);
  auto request = request_of(file.handle);
  add_sealed(request, file.object, 60);
  ASSERT_TRUE(commit(request));
  EXPECT_FALSE(object(file.object));
  EXPECT_EQ(count("X"), 2u);
  ASSERT_TRUE(close(file.handle));
}

TEST_F(CommitTest, unused_objects_go_back_and_acknowledged_ones_do_not) {
  Writing file = start("/a", 100);
  auto grant = allocate(file.handle, 100);
  ASSERT_TRUE(grant);
  auto request = request_of(file.handle);
  request.add_unused(grant->object());
  request.add_unused(12345);
  ASSERT_TRUE(commit(request));
  EXPECT_FALSE(object(grant->object()));
  EXPECT_TRUE(has(key::remove_duty(WorkerId{2}, ObjectId{grant->object()})));
  ASSERT_TRUE(commit(request)) << "again";
  ASSERT_TRUE(commit(file.handle, {extent(0, 10, file.object)}));
  auto taken = request_of(file.handle);
  taken.add_unused(file.object);
  EXPECT_EQ(error_of(commit(taken)), EINVAL);
  auto both = request_of(file.handle);
  auto another = allocate(file.handle, 100);
  ASSERT_TRUE(another);
  *both.add_extents()->mutable_extent() = extent(10, 10, another->object());
  both.add_unused(another->object());
  EXPECT_EQ(error_of(commit(both)), EINVAL);
  ASSERT_TRUE(close(file.handle));
  EXPECT_FALSE(object(another->object())) << "never acknowledged: gone with the handle";
}

TEST_F(CommitTest, times_of_a_commit_are_the_writers_or_the_masters) {
  Writing file = start("/a", 100);
  tick();
  auto request = request_of(file.handle);
  request.set_mtime_ns(123);
  auto reply = commit(request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().mtime_ns(), 123);
  EXPECT_EQ(reply->attr().ctime_ns(), now_ns());
  tick();
  reply = commit(request_of(file.handle));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().mtime_ns(), 123);
  EXPECT_LT(reply->attr().ctime_ns(), now_ns()) << "nothing was written";
  reply = commit(file.handle, {extent(0, 1, file.object)}, true);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().mtime_ns(), now_ns());
}

TEST_F(CommitTest, a_write_by_somebody_else_takes_set_id_bits_away) {
  write_file("/a", 10, 0777);
  ASSERT_TRUE(chmod("/a", 06777));
  for (uint32_t uid : {0u, 5u}) {
    as = user(uid, uid);
    auto opened = open("/a", v1::ACCESS_WRITE);
    ASSERT_TRUE(opened);
    auto grant = allocate(HandleId{opened->handle()}, 10);
    ASSERT_TRUE(grant);
    auto reply = commit(HandleId{opened->handle()}, {extent(0, 5, grant->object())}, true);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->attr().mode(), uid == 0 ? 06777u : 0777u);
  }
}

}  // namespace
}  // namespace forebay::master
