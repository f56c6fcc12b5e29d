// What becomes of objects when files are cut, handles expire and inodes lose their names.
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class ObjectLifeTest : public ContentWorld {};

TEST_F(ObjectLifeTest, truncation_trims_and_frees_and_extension_makes_a_hole) {
  write_file("/a", 100);
  uint64_t object_id = layout(inode_of("/a"))->extents(0).object();
  auto cut = truncate("/a", 40);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->version(), 2u);
  EXPECT_EQ(cut->stored_bytes(), 40u);
  auto grown = truncate("/a", 1000);
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->size(), 1000u);
  EXPECT_EQ(grown->stored_bytes(), 40u);
  EXPECT_EQ(grown->version(), 3u);
  EXPECT_EQ(grown->layout(), 3u);
  EXPECT_EQ(pieces(inode_of("/a")), Texts{text(0, 40, object_id)});
  EXPECT_TRUE(object(object_id));
  ASSERT_TRUE(truncate("/a", 0));
  EXPECT_FALSE(object(object_id));
  EXPECT_EQ(count("V"), 0u);
}

TEST_F(ObjectLifeTest, a_truncated_object_that_is_still_granted_can_be_written_again) {
  Writing file = start("/a", 100);
  ASSERT_TRUE(commit(file.handle, {extent(0, 50, file.object)}));
  ASSERT_TRUE(truncate("/a", 0, file.handle));
  EXPECT_EQ(count("W"), 0u);
  EXPECT_TRUE(object(file.object));
  ASSERT_TRUE(commit(file.handle, {extent(0, 20, file.object, 50)}));
  EXPECT_EQ(pieces(file.inode), Texts{text(0, 20, file.object, 50)});
  ASSERT_TRUE(truncate("/a", 0, file.handle));
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(ObjectLifeTest, an_expired_handle_seals_what_was_acknowledged_and_frees_the_rest) {
  Writing file = start("/a", 100);
  auto unused = allocate(file.handle, 100);
  ASSERT_TRUE(unused);
  ASSERT_TRUE(commit(file.handle, {extent(0, 60, file.object)}));
  ASSERT_TRUE(change([&](MutationContext& context) { return close_handle(context, file.inode, file.handle); }));
  EXPECT_EQ(stat("/a")->version(), 1u);
  EXPECT_EQ(stat("/a")->size(), 60u);
  EXPECT_FALSE(stat("/a")->open_for_write());
  EXPECT_FALSE(object(unused->object()));
  EXPECT_TRUE(has(key::seal_duty(WorkerId{1}, ObjectId{file.object})));
  EXPECT_TRUE(has(key::seal_duty(WorkerId{2}, ObjectId{file.object})));
  auto kept = object(file.object);
  ASSERT_TRUE(kept);
  EXPECT_FALSE(kept->sealed());
  EXPECT_EQ(kept->handle(), 0u);
  EXPECT_EQ(count("H") + count("h"), 0u);
  EXPECT_EQ(code_of(commit(file.handle, {})), Code::kStale);
  EXPECT_TRUE(change([&](MutationContext& context) { return close_handle(context, file.inode, file.handle); })) << "again";

  auto opened = open("/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(opened);
  EXPECT_EQ(error_of(commit(HandleId{opened->handle()}, {extent(100, 60, file.object)})), 0)
      << "what is acknowledged may be used";
  EXPECT_EQ(error_of(commit(HandleId{opened->handle()}, {extent(100, 61, file.object)})), EINVAL);
  ASSERT_TRUE(close(HandleId{opened->handle()}));
  ASSERT_TRUE(unlink("/a"));
  EXPECT_EQ(count("Y"), 0u) << "nothing to seal any more";
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(ObjectLifeTest, a_handle_that_expires_beside_others_does_not_seal_the_version) {
  Writing file = start("/a", 100);
  auto other = open("/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(other);
  ASSERT_TRUE(commit(file.handle, {extent(0, 60, file.object)}));
  ASSERT_TRUE(change([&](MutationContext& context) { return close_handle(context, file.inode, file.handle); }));
  EXPECT_EQ(stat("/a")->version(), 0u);
  EXPECT_EQ(count("Y"), 2u);
  ASSERT_TRUE(close(HandleId{other->handle()}));
  EXPECT_EQ(stat("/a")->version(), 1u);
}

TEST_F(ObjectLifeTest, an_unlinked_small_file_is_gone_at_once_with_duties_for_each_copy) {
  write_file("/a", 100);
  ASSERT_TRUE(unlink("/a"));
  EXPECT_EQ(count("I"), 1u);
  EXPECT_EQ(count("O") + count("V") + count("N"), 0u);
  EXPECT_EQ(count("X"), 2u);
  EXPECT_EQ(count("P"), 2u);
}

TEST_F(ObjectLifeTest, an_unlinked_file_lives_while_it_is_written) {
  Writing file = start("/a", 100);
  ASSERT_TRUE(unlink("/a"));
  EXPECT_TRUE(has(key::detached(file.inode)));
  reclaim();
  ASSERT_TRUE(commit(file.handle, {extent(0, 60, file.object)}));
  EXPECT_EQ(truncate("/", 0).error().error(), EISDIR);
  v1::SetAttrRequest cut;
  cut.set_inode(file.inode.value);
  cut.set_size(10);
  cut.set_handle(file.handle.value);
  ASSERT_TRUE(run(ops::set_attr, cut));
  auto attr = get_attr(file.inode);
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->size(), 10u);
  EXPECT_EQ(attr->nlink(), 0u);
  ASSERT_TRUE(close(file.handle));
  reclaim();
  EXPECT_EQ(error_of(get_attr(file.inode)), ESTALE);
  EXPECT_EQ(count("O") + count("V") + count("W") + count("N"), 0u);
}

TEST_F(ObjectLifeTest, an_unlinked_file_lives_while_it_is_read) {
  write_file("/a", 100);
  InodeId inode = inode_of("/a");
  reads.open.insert(inode);
  ASSERT_TRUE(unlink("/a"));
  reclaim();
  EXPECT_EQ(pieces(inode).size(), 1u);
  reads.open.clear();
  reclaim();
  EXPECT_EQ(error_of(get_attr(inode)), ESTALE);
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(ObjectLifeTest, a_large_file_is_freed_in_steps) {
  auto opened = create("/a");
  ASSERT_TRUE(opened);
  HandleId handle{opened->handle()};
  for (uint64_t i = 0; i < 200; ++i) {
    auto grant = allocate(handle, 10);
    ASSERT_TRUE(grant);
    ASSERT_TRUE(commit(handle, {extent(i * 10, 10, grant->object())}));
  }
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(count("Y"), 400u);
  InodeId inode = inode_of("/a");
  ASSERT_TRUE(unlink("/a"));
  EXPECT_TRUE(has(key::detached(inode)));
  auto step = [&] {
    std::optional<Reclaimed> result;
    EXPECT_TRUE(change([&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(result, reclaim_step(context, inode, 90));
      return {};
    }));
    EXPECT_EQ(problems(), std::vector<std::string>{});
    return *result;
  };
  EXPECT_EQ(step(), Reclaimed::kMore);
  EXPECT_EQ(count("O"), 110u);
  EXPECT_EQ(step(), Reclaimed::kMore);
  EXPECT_EQ(step(), Reclaimed::kDone);
  EXPECT_EQ(step(), Reclaimed::kDone);
  EXPECT_EQ(count("O") + count("V") + count("Y"), 0u);
  EXPECT_EQ(count("X"), 400u);
}

TEST_F(ObjectLifeTest, a_truncation_that_drops_many_objects_leaves_them_to_the_background) {
  constexpr uint64_t kObjects = kFreeAtOnce + 50;
  auto opened = create("/a");
  ASSERT_TRUE(opened);
  HandleId handle{opened->handle()};
  uint64_t last = 0;
  for (uint64_t i = 0; i < kObjects; ++i) {
    auto grant = allocate(handle, 10);
    ASSERT_TRUE(grant);
    last = grant->object();
    auto request = request_of(handle);
    *request.add_extents()->mutable_extent() = extent(i * 10, 10, last);
    if (i + 1 < kObjects) add_sealed(request, last, 10);
    ASSERT_TRUE(commit(request));
  }
  ASSERT_TRUE(truncate("/a", 0, handle));
  EXPECT_EQ(count("X"), 0u);
  EXPECT_EQ(count("N"), 1u);
  EXPECT_EQ(count("I"), 3u);
  EXPECT_EQ(problems(), std::vector<std::string>{});
  ASSERT_TRUE(commit(handle, {extent(0, 10, last)})) << "still granted";
  ASSERT_TRUE(unlink("/a"));
  reclaim();
  EXPECT_EQ(count("O"), 1u);
  ASSERT_TRUE(close(handle));
  reclaim();
  EXPECT_EQ(count("O") + count("N"), 0u);
  EXPECT_EQ(count("I"), 1u);
}

}  // namespace
}  // namespace forebay::master
