// Holes that are punched and zeros that are laid.
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class FallocateTest : public ContentWorld {
 protected:
  // /a of 100 bytes in one sealed object, open for writing.
  FallocateTest() {
    write_file("/a", 100);
    auto opened = open("/a", v1::ACCESS_READ_WRITE);
    EXPECT_TRUE(opened);
    handle_ = HandleId{opened->handle()};
    inode_ = InodeId{opened->attr().inode()};
    object_ = opened->layout().extents(0).object();
    tick();
  }
  v1::FallocateRequest range(uint64_t offset, uint64_t length) const {
    v1::FallocateRequest request;
    request.set_handle(handle_.value);
    request.set_offset(offset);
    request.set_length(length);
    return request;
  }
  Result<v1::Attr> run_on(const v1::FallocateRequest& request) {
    ASSIGN_OR_RETURN(v1::AttrReply reply, run(ops::fallocate, request));
    return reply.attr();
  }
  Result<v1::Attr> grow(uint64_t offset, uint64_t length) { return run_on(range(offset, length)); }
  Result<v1::Attr> zero(uint64_t offset, uint64_t length, bool keep_size = false) {
    auto request = range(offset, length);
    request.set_zero(true);
    request.set_keep_size(keep_size);
    return run_on(request);
  }
  Result<v1::Attr> punch(uint64_t offset, uint64_t length) { return zero(offset, length, true); }

  HandleId handle_;
  InodeId inode_;
  uint64_t object_ = 0;
};

TEST_F(FallocateTest, punching_leaves_a_hole_and_the_size) {
  const auto attr = punch(20, 30);
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->size(), 100u);
  EXPECT_EQ(attr->stored_bytes(), 70u);
  EXPECT_EQ(attr->mtime_ns(), now_ns());
  EXPECT_EQ(attr->ctime_ns(), now_ns());
  EXPECT_EQ(pieces(inode_), (Texts{text(0, 20, object_), text(50, 50, object_, 50)}));
}

TEST_F(FallocateTest, punching_beyond_the_end_changes_no_size) {
  const auto attr = punch(90, 1000);
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->size(), 100u);
  EXPECT_EQ(pieces(inode_), (Texts{text(0, 90, object_)}));
  ASSERT_TRUE(punch(5000, 10));
  EXPECT_EQ(get_attr(inode_)->size(), 100u);
}

TEST_F(FallocateTest, an_object_that_lost_all_its_bytes_goes_with_the_version_that_had_it) {
  ASSERT_TRUE(punch(0, 100));
  EXPECT_EQ(get_attr(inode_)->stored_bytes(), 0u);
  EXPECT_TRUE(object(object_)) << "version 1 has it until version 2 is sealed";
  ASSERT_TRUE(close(handle_));
  EXPECT_FALSE(object(object_));
  EXPECT_EQ(get_attr(inode_)->version(), 2u);
  EXPECT_EQ(get_attr(inode_)->size(), 100u);
}

TEST_F(FallocateTest, the_version_that_is_sealed_afterwards_has_the_hole) {
  ASSERT_TRUE(punch(10, 10));
  ASSERT_TRUE(close(handle_));
  EXPECT_EQ(get_attr(inode_)->version(), 2u);
  EXPECT_EQ(pieces(inode_), (Texts{text(0, 10, object_), text(20, 80, object_, 20)}));
}

TEST_F(FallocateTest, a_hole_that_is_there_already_is_no_change_of_content) {
  ASSERT_TRUE(punch(10, 10));
  const uint64_t layout = get_attr(inode_)->layout();
  tick();
  const auto again = punch(12, 5);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->layout(), layout);
  EXPECT_EQ(again->mtime_ns(), now_ns());
}

TEST_F(FallocateTest, zeros_grow_the_file_unless_it_keeps_its_size) {
  ASSERT_TRUE(zero(90, 30, true));
  EXPECT_EQ(get_attr(inode_)->size(), 100u);
  ASSERT_TRUE(zero(80, 70));
  EXPECT_EQ(get_attr(inode_)->size(), 150u);
  EXPECT_EQ(pieces(inode_), (Texts{text(0, 80, object_)}));
}

TEST_F(FallocateTest, growing_keeps_every_byte) {
  ASSERT_TRUE(grow(50, 100));
  EXPECT_EQ(get_attr(inode_)->size(), 150u);
  EXPECT_EQ(pieces(inode_), (Texts{text(0, 100, object_)}));
  tick();
  const auto inside = grow(0, 10);  // marked as modified, as in local file systems
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->size(), 150u);
  EXPECT_EQ(inside->mtime_ns(), now_ns());
}

TEST_F(FallocateTest, an_object_that_is_being_written_stays_when_its_bytes_are_punched) {
  auto writing = start("/b");
  ASSERT_TRUE(commit(writing.handle, {extent(0, 40, writing.object)}));
  auto request = range(0, 40);
  request.set_handle(writing.handle.value);
  request.set_zero(true);
  request.set_keep_size(true);
  ASSERT_TRUE(run(ops::fallocate, request));
  EXPECT_TRUE(object(writing.object));
  ASSERT_TRUE(commit(writing.handle, {extent(5, 10, writing.object, 40)}));
  EXPECT_EQ(pieces(writing.inode), (Texts{text(5, 10, writing.object, 40)}));
  ASSERT_TRUE(close(writing.handle));
}

TEST_F(FallocateTest, refuses_what_it_cannot_do) {
  EXPECT_EQ(error_of(punch(0, 0)), EINVAL);
  EXPECT_EQ(error_of(grow(kMaxFileSize, 1)), EFBIG);
  EXPECT_EQ(error_of(grow(UINT64_MAX, 1)), EFBIG);
  auto reserve = range(100, 100);
  reserve.set_keep_size(true);
  EXPECT_EQ(error_of(run_on(reserve)), EOPNOTSUPP) << "space beyond the end cannot be promised";
  ASSERT_TRUE(close(handle_));
  EXPECT_EQ(code_of(punch(0, 10)), Code::kStale);
}

TEST_F(FallocateTest, takes_set_user_id_from_a_file_that_somebody_unprivileged_changes) {
  ASSERT_TRUE(chmod("/a", 04777));
  as = user(5, 5);
  auto opened = open("/a", v1::ACCESS_READ_WRITE);
  ASSERT_TRUE(opened);
  auto request = range(0, 10);
  request.set_handle(opened->handle());
  request.set_zero(true);
  request.set_keep_size(true);
  const auto attr = run_on(request);
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->mode(), 0777u);
}

}  // namespace
}  // namespace forebay::master
