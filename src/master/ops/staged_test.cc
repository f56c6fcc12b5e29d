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

  // Of this caller's session: an object that waits for a file, under the handle of one that has no name.
  Writing get_ready() {
    v1::CreateUnnamedRequest unnamed;
    unnamed.set_parent(kRootInode.value);
    unnamed.set_access(v1::ACCESS_WRITE);
    auto opened = run(ops::create_unnamed, unnamed);
    EXPECT_TRUE(opened);
    v1::AllocateRequest allocate;
    allocate.set_handle(opened->handle());
    allocate.mutable_placement()->set_bytes(1000);
    allocate.mutable_placement()->set_staged(true);
    auto granted = run(ops::allocate, allocate);
    EXPECT_TRUE(granted && granted->grants_size() == 1 && granted->grants(0).staged());
    return {HandleId{opened->handle()}, InodeId{opened->attr().inode()}, granted->grants(0).object()};
  }
  Result<v1::OpenReply> create_with(const Writing& ready, std::string_view path) {
    v1::CreateRequest request;
    request.set_mode(0644);
    request.set_access(v1::ACCESS_READ_WRITE);
    request.mutable_placement()->set_bytes(1000);
    request.mutable_placement()->set_staged(true);
    request.mutable_placement()->set_ready_object(ready.object);
    request.mutable_placement()->set_ready_under(ready.handle.value);
    return create(std::move(request), path);
  }
  // A new object is granted instead.
  void expect_not_handed_over(const Writing& ready, std::string_view path) {
    auto opened = create_with(ready, path);
    ASSERT_TRUE(opened && opened->grants_size() == 1) << path;
    EXPECT_NE(opened->grants(0).object(), ready.object) << path;
    EXPECT_TRUE(problems().empty());
  }
};

TEST_F(StagedTest, an_object_that_is_ready_is_handed_over_to_the_new_file) {
  const Writing ready = get_ready();
  auto opened = create_with(ready, "/a");
  ASSERT_TRUE(opened && opened->grants_size() == 1);
  EXPECT_EQ(opened->grants(0).object(), ready.object);
  EXPECT_TRUE(opened->grants(0).staged());
  EXPECT_EQ(opened->grants(0).workers_size(), object(ready.object)->workers_size());
  EXPECT_EQ(object(ready.object)->inode(), opened->attr().inode());
  EXPECT_TRUE(problems().empty());
  ASSERT_TRUE(close(ready.handle));
  reclaim();
  EXPECT_TRUE(object(ready.object)) << "the handle that had it has nothing to give back";
  ASSERT_TRUE(commit(HandleId{opened->handle()}, {extent(0, 500, ready.object)}));
  EXPECT_EQ(pieces(InodeId{opened->attr().inode()}), Texts{text(0, 500, ready.object)});
  EXPECT_TRUE(problems().empty());
}

TEST_F(StagedTest, what_was_got_ready_and_not_taken_goes_with_its_handle) {
  const Writing ready = get_ready();
  ASSERT_TRUE(close(ready.handle));
  reclaim();
  EXPECT_FALSE(object(ready.object));
  EXPECT_FALSE(get_attr(ready.inode));
  EXPECT_TRUE(problems().empty());
}

TEST_F(StagedTest, an_object_is_handed_over_once_and_only_as_it_was_granted) {
  const Writing ready = get_ready();
  ASSERT_TRUE(create_with(ready, "/a"));
  expect_not_handed_over(ready, "/again");
  const Writing closed = get_ready();
  ASSERT_TRUE(close(closed.handle));
  expect_not_handed_over(closed, "/after its handle");
  const Writing written = get_ready();
  ASSERT_TRUE(commit(written.handle, {extent(0, 10, written.object)}));
  expect_not_handed_over(written, "/bytes of another file");
  const Writing of_another_session = get_ready();
  as.session = SessionId{8};
  expect_not_handed_over(of_another_session, "/of another session");
}

TEST_F(StagedTest, nothing_is_handed_over_while_writers_are_slowed_or_its_worker_is_gone) {
  const Writing ready = get_ready();
  placer.slowed_to = 1'000'000;
  auto opened = create_with(ready, "/slowed");
  ASSERT_TRUE(opened && opened->grants_size() == 1);
  EXPECT_FALSE(opened->grants(0).staged()) << "the kernel could not be slowed";
  placer.slowed_to = 0;
  placer.gone = true;
  opened = create_with(ready, "/gone");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->grants_size(), 0);
  EXPECT_TRUE(problems().empty());
}

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
