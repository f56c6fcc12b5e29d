// Staged objects at the master: they grow without asking, and are cut with their file.
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class StagedTest : public ContentWorld {
 protected:
  Writing start_staged(std::string_view path) {
    v1::CreateRequest request;
    request.set_mode(0644);
    request.set_access(v1::ACCESS_READ_WRITE);
    request.mutable_placement()->set_bytes(1000);
    request.mutable_placement()->set_staged(true);
    auto opened = create(std::move(request), path);
    EXPECT_TRUE(opened && opened->grants_size() == 1 && opened->grants(0).staged());
    if (!opened || opened->grants_size() != 1) return {};
    return {HandleId{opened->handle()}, InodeId{opened->attr().inode()}, opened->grants(0).object()};
  }
};

TEST_F(StagedTest, it_takes_what_it_grew_to_and_is_cut_with_its_file) {
  Writing file = start_staged("/a");
  ASSERT_TRUE(commit(file.handle, {extent(0, 5'000'000, file.object)}));
  ASSERT_TRUE(truncate("/a", 300));
  EXPECT_EQ(object(file.object)->length(), 300u) << "to be sealed at what is left, whoever seals it";
  auto request = request_of(file.handle);
  *request.add_extents()->mutable_extent() = extent(0, 400, file.object);
  add_sealed(request, file.object, 400);
  request.set_close(true);
  ASSERT_TRUE(commit(request));
  EXPECT_EQ(pieces(file.inode), Texts{text(0, 400, file.object)});
  EXPECT_TRUE(problems().empty());
}

TEST_F(StagedTest, an_open_that_truncates_cuts_it_as_well) {
  Writing file = start_staged("/a");
  ASSERT_TRUE(commit(file.handle, {extent(0, 500, file.object)}));
  auto other = open("/a", v1::ACCESS_READ_WRITE, true);
  ASSERT_TRUE(other);
  EXPECT_EQ(object(file.object)->length(), 0u);
  ASSERT_TRUE(close(HandleId{other->handle()}));
  ASSERT_TRUE(commit(file.handle, {extent(0, 20, file.object)}, true));
  EXPECT_EQ(stat("/a")->size(), 20u);
  EXPECT_TRUE(problems().empty());
}

TEST_F(StagedTest, the_whole_content_is_told_again_only_while_nobody_else_has_changed_it) {
  Writing file = start_staged("/a");
  auto request = request_of(file.handle);
  *request.add_extents()->mutable_extent() = extent(0, 100, file.object);
  request.set_only_at_layout(0);
  ASSERT_TRUE(commit(request));
  auto again = commit(request);
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(Code::kStale));
  EXPECT_TRUE(again.error().is_errno(ESTALE));
  request.set_only_at_layout(1);
  EXPECT_TRUE(commit(request));
}

TEST_F(StagedTest, nothing_is_compacted_that_changes_while_it_is_written) {
  Writing file = start_staged("/a");
  ASSERT_TRUE(commit(file.handle, {extent(0, 100, file.object)}));
  const HandleId other{open("/a", v1::ACCESS_READ_WRITE)->handle()};
  const uint64_t into = allocate(other, 100)->object();
  auto request = request_of(other);
  *request.add_extents()->mutable_extent() = extent(0, 100, into);
  request.set_same_bytes_at_layout(1);
  auto compacted = commit(request);
  ASSERT_FALSE(compacted);
  EXPECT_TRUE(compacted.error().is(Code::kStale));
}

}  // namespace
}  // namespace forebay::master
