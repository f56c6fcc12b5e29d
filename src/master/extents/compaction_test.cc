#include "master/extents/compaction.h"

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
  Replacement replacement(uint64_t begin, uint64_t end) {
    Replacement replacement{handle_, get_attr(inode_)->layout(), begin, end, {{begin, end - begin, ObjectId{object_}, 0}}, {}};
    v1::SealedObject sealed;
    sealed.set_object(object_);
    sealed.set_length(end - begin);
    sealed.set_crc32c(9);
    replacement.sealed.push_back(sealed);
    return replacement;
  }
  Result<v1::Attr> replace(const Replacement& replacement) {
    std::optional<v1::Attr> attr;
    TRY(change([&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(attr, replace_extents(context, replacement));
      return {};
    }));
    return *attr;
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
  auto after = replace(replacement(0, 100));
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
  ASSERT_TRUE(replace(replacement(25, 75)));
  EXPECT_EQ(layout(inode_)->extents_size(), 7);
  EXPECT_EQ(count("O"), 7u);
  ASSERT_TRUE(close(handle_));
}

TEST_F(CompactionTest, what_changed_meanwhile_is_not_overwritten) {
  Replacement planned = replacement(0, 100);
  ASSERT_TRUE(truncate("/a", 95));
  EXPECT_EQ(code_of(replace(planned)), Code::kStale);
  EXPECT_EQ(layout(inode_)->extents_size(), 10);
  give_back();
}

TEST_F(CompactionTest, in_a_dirty_file_the_working_list_changes_and_the_version_keeps_its_objects) {
  ASSERT_TRUE(truncate("/a", 95, handle_));
  ASSERT_TRUE(replace(replacement(0, 95)));
  EXPECT_EQ(count("O"), 11u);
  ASSERT_TRUE(close(handle_));
  EXPECT_EQ(count("O"), 1u);
  EXPECT_EQ(stat("/a")->version(), 2u);
}

TEST_F(CompactionTest, pieces_have_to_fit_the_range_and_the_file) {
  for (auto [begin, end] : {std::pair<uint64_t, uint64_t>{0, 101}, {50, 50}, {60, 40}}) {
    Replacement wrong = replacement(0, 100);
    wrong.begin = begin;
    wrong.end = end;
    EXPECT_EQ(error_of(replace(wrong)), EINVAL) << begin;
  }
  Replacement wrong = replacement(0, 100);
  wrong.with = {{50, 10, ObjectId{object_}, 0}, {40, 5, ObjectId{object_}, 20}};
  EXPECT_EQ(error_of(replace(wrong)), EINVAL);
  wrong.with = {{95, 10, ObjectId{object_}, 0}};
  EXPECT_EQ(error_of(replace(wrong)), EINVAL);
  wrong.with = {{0, 10, ObjectId{12345}, 0}};
  EXPECT_EQ(error_of(replace(wrong)), EINVAL);
  wrong = replacement(0, 100);
  wrong.handle = HandleId{77};
  EXPECT_EQ(code_of(replace(wrong)), Code::kStale);
  give_back();
}

}  // namespace
}  // namespace forebay::master
