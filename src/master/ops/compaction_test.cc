#include "master/ops/world.h"

namespace forebay::master {
namespace {

class CompactionTest : public World {
 protected:
  // A sealed file of ten pieces of ten bytes, each in its own object, and a handle with one object that could hold them all.
  CompactionTest() {
    auto opened = create("/a");
    EXPECT_TRUE(opened);
    HandleId handle{opened->handle()};
    for (uint64_t i = 0; i < 10; ++i) {
      auto grant = allocate(handle, 10);
      v1::CommitRequest request;
      request.set_handle(handle.value);
      *request.add_extents()->mutable_extent() = extent(i * 10, 10, grant->object());
      auto& sealed = *request.add_sealed();
      sealed.set_object(grant->object());
      sealed.set_length(10);
      EXPECT_TRUE(commit(request));
    }
    EXPECT_TRUE(close(handle));
    inode_ = inode_of("/a");
    handle_ = HandleId{open("/a", v1::ACCESS_READ_WRITE)->handle()};
    object_ = allocate(handle_, 100)->object();
    tick();
  }
  v1::CommitRequest compaction(uint64_t begin, uint64_t end) {
    v1::CommitRequest request;
    request.set_handle(handle_.value);
    request.set_same_bytes_at_layout(get_attr(inode_)->layout());
    *request.add_extents()->mutable_extent() = extent(begin, end - begin, object_);
    v1::SealedObject& sealed = *request.add_sealed();
    sealed.set_object(object_);
    sealed.set_length(end - begin);
    sealed.set_crc32c(9);
    return request;
  }
  Result<v1::Attr> compact(const v1::CommitRequest& request) {
    ASSIGN_OR_RETURN(v1::CommitReply reply, commit(request));
    return reply.attr();
  }
  void give_back() {
    v1::CommitRequest request;
    request.set_handle(handle_.value);
    request.add_unused(object_);
    request.set_close(true);
    ASSERT_TRUE(commit(request));
  }

  InodeId inode_;
  HandleId handle_;
  uint64_t object_ = 0;
};

TEST_F(CompactionTest, the_same_version_in_one_piece) {
  auto before = get_attr(inode_);
  auto after = compact(compaction(0, 100));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->version(), before->version());
  EXPECT_EQ(after->mtime_ns(), before->mtime_ns());
  EXPECT_EQ(after->ctime_ns(), before->ctime_ns());
  EXPECT_EQ(after->size(), 100u);
  EXPECT_EQ(after->layout(), before->layout() + 1);
  EXPECT_EQ(layout(inode_)->extents_size(), 1);
  EXPECT_EQ(count("O"), 1u);
  EXPECT_EQ(count("X"), 20u);
  ASSERT_TRUE(close(handle_));
  EXPECT_EQ(stat("/a")->version(), before->version());
}

TEST_F(CompactionTest, a_range_in_the_middle) {
  ASSERT_TRUE(compact(compaction(25, 75)));
  EXPECT_EQ(layout(inode_)->extents_size(), 7);
  EXPECT_EQ(count("O"), 7u);
  ASSERT_TRUE(close(handle_));
}

TEST_F(CompactionTest, what_changed_meanwhile_is_not_overwritten) {
  v1::CommitRequest planned = compaction(0, 100);
  ASSERT_TRUE(truncate("/a", 95));
  EXPECT_EQ(code_of(compact(planned)), Code::kStale);
  EXPECT_EQ(layout(inode_)->extents_size(), 10);
  give_back();
}

TEST_F(CompactionTest, in_a_dirty_file_the_working_list_changes_and_the_version_keeps_its_objects) {
  ASSERT_TRUE(truncate("/a", 95, handle_));
  ASSERT_TRUE(compact(compaction(0, 95)));
  EXPECT_EQ(count("O"), 11u);
  ASSERT_TRUE(close(handle_));
  EXPECT_EQ(count("O"), 1u);
  EXPECT_EQ(stat("/a")->version(), 2u);
}

TEST_F(CompactionTest, set_id_bits_stay_whoever_compacts) {
  ASSERT_TRUE(chmod("/a", 06777));
  as = user(5, 5);
  EXPECT_EQ(compact(compaction(0, 100))->mode(), 06777u);
  ASSERT_TRUE(close(handle_));
}

TEST_F(CompactionTest, the_file_does_not_grow) {
  ASSERT_TRUE(truncate("/a", 60));
  EXPECT_EQ(error_of(compact(compaction(0, 61))), EINVAL);
  EXPECT_EQ(stat("/a")->size(), 60u);
  give_back();
}

}  // namespace
}  // namespace forebay::master
