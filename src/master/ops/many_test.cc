#include "base/crc32c.h"
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class ManyTest : public ContentWorld {
 protected:
  static v1::PutItem& add(v1::PutManyRequest& request, std::string_view name, std::string_view text,
                          InodeId parent = kRootInode) {
    v1::PutItem& file = *request.add_files();
    file.set_parent(parent.value);
    file.set_name(std::string(name));
    file.set_mode(0640);
    file.set_content(std::string(text));
    file.set_crc32c(crc32c(as_bytes(text)));
    return file;
  }
  std::string content(std::string_view path) {
    auto page = layout(inode_of(path));
    EXPECT_TRUE(page);
    return page && page->objects_size() == 1 ? page->objects(0).content() : "";
  }
};

TEST_F(ManyTest, files_are_put_in_one_step_each) {
  v1::PutManyRequest request;
  add(request, "a", "first");
  add(request, "b", "");
  add(request, "c", "third");
  tick();
  auto reply = run(ops::put_many, request);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->files_size(), 3);
  EXPECT_EQ(reply->files(0).attr().size(), 5u);
  EXPECT_EQ(reply->files(0).attr().version(), 1u);
  EXPECT_EQ(reply->files(0).attr().mode(), 0640u);
  EXPECT_EQ(reply->files(0).attr().mtime_ns(), now_ns());
  EXPECT_EQ(reply->files(1).attr().version(), 1u);
  EXPECT_EQ(content("/a"), "first");
  EXPECT_EQ(content("/c"), "third");
  EXPECT_EQ(stat("/b")->size(), 0u);
  EXPECT_EQ(count("H") + count("W"), 0u);
}

TEST_F(ManyTest, putting_again_replaces_the_content_and_seals_another_version) {
  v1::PutManyRequest request;
  add(request, "a", "the first content");
  ASSERT_TRUE(run(ops::put_many, request));
  const InodeId inode = inode_of("/a");
  v1::PutManyRequest again;
  add(again, "a", "second");
  ASSERT_TRUE(run(ops::put_many, again));
  EXPECT_EQ(inode_of("/a"), inode);
  EXPECT_EQ(content("/a"), "second");
  EXPECT_EQ(stat("/a")->size(), 6u);
  EXPECT_EQ(stat("/a")->version(), 2u);
  EXPECT_EQ(count("J"), 1u);
}

TEST_F(ManyTest, a_refused_item_leaves_nothing_and_the_others_as_they_are) {
  ASSERT_TRUE(mkdir("/d"));
  v1::PutManyRequest request;
  add(request, "a", "kept");
  add(request, "d", "a directory");
  add(request, "lost", "x").set_crc32c(0);
  add(request, "a", "exclusive").set_exclusive(true);
  add(request, "nowhere", "x", InodeId{999});
  add(request, "z", "kept, too");
  auto reply = run(ops::put_many, request);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->files_size(), 6);
  EXPECT_EQ(reply->files(1).error().error(), EISDIR);
  EXPECT_EQ(reply->files(2).error().code(), static_cast<uint32_t>(Code::kInvalid));
  EXPECT_EQ(reply->files(3).error().error(), EEXIST);
  EXPECT_EQ(reply->files(4).error().error(), ESTALE);
  EXPECT_EQ(names("/"), (std::vector<std::string>{"a", "d", "z"}));
  EXPECT_EQ(content("/a"), "kept");
  EXPECT_EQ(count("J"), 2u);
}

TEST_F(ManyTest, putting_needs_the_permissions_of_an_open) {
  ASSERT_TRUE(mkdir("/d", 0777));
  write_file("/d/a", 10, 0644);
  as = user(5, 5);
  v1::PutManyRequest request;
  add(request, "a", "no", inode_of("/d"));
  add(request, "b", "yes", inode_of("/d"));
  add(request, "c", "no");
  auto reply = run(ops::put_many, request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->files(0).error().error(), EACCES);
  EXPECT_EQ(reply->files(1).attr().uid(), 5u);
  EXPECT_EQ(reply->files(2).error().error(), EACCES);
}

TEST_F(ManyTest, a_writer_at_work_keeps_the_file_open) {
  Writing file = start("/a");
  ASSERT_TRUE(commit(file.handle, {extent(0, 100, file.object)}));
  v1::PutManyRequest request;
  add(request, "a", "short");
  ASSERT_TRUE(run(ops::put_many, request));
  EXPECT_EQ(stat("/a")->size(), 5u);
  EXPECT_EQ(stat("/a")->version(), 0u);
  ASSERT_TRUE(close(file.handle));
  EXPECT_EQ(stat("/a")->version(), 1u);
}

TEST_F(ManyTest, too_much_for_one_call_is_refused) {
  v1::PutManyRequest request;
  for (int i = 0; i < 257; ++i) add(request, "f" + std::to_string(i), "");
  EXPECT_EQ(code_of(run(ops::put_many, request)), Code::kInvalid);
  v1::PutManyRequest large;
  for (int i = 0; i < 17; ++i) add(large, "f" + std::to_string(i), std::string(64 << 10, 'x'));
  EXPECT_EQ(code_of(run(ops::put_many, large)), Code::kInvalid);
  EXPECT_EQ(names("/").size(), 0u);
}

TEST_F(ManyTest, many_names_are_looked_up_and_unlinked) {
  write_file("/a", 10);
  write_file("/b", 20);
  ASSERT_TRUE(mkdir("/d"));
  v1::LookupManyRequest lookups;
  v1::UnlinkManyRequest unlinks;
  for (const char* name : {"a", "x", "b", "d"}) {
    for (v1::EntryName* entry : {lookups.add_entries(), unlinks.add_entries()}) {
      entry->set_parent(kRootInode.value);
      entry->set_name(name);
    }
  }
  auto found = run(ops::lookup_many, lookups);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->entries(0).attr().size(), 10u);
  EXPECT_EQ(found->entries(1).error().error(), ENOENT);
  EXPECT_EQ(found->entries(2).attr().size(), 20u);
  EXPECT_EQ(found->entries(3).attr().type(), v1::FILE_TYPE_DIRECTORY);
  auto gone = run(ops::unlink_many, unlinks);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->errors(0).code(), 0u);
  EXPECT_EQ(gone->errors(1).error(), ENOENT);
  EXPECT_EQ(gone->errors(2).code(), 0u);
  EXPECT_EQ(gone->errors(3).error(), EISDIR);
  EXPECT_EQ(names("/"), std::vector<std::string>{"d"});
}

TEST_F(ManyTest, handles_that_are_closed_together_seal_their_files) {
  Writing a = start("/a"), b = start("/b");
  ASSERT_TRUE(commit(a.handle, {extent(0, 100, a.object)}));
  v1::CloseWriteRequest request;
  for (const uint64_t handle : {a.handle.value, uint64_t{999}, b.handle.value, a.handle.value}) request.add_handles(handle);
  ASSERT_TRUE(run(ops::close_write, request));
  EXPECT_EQ(stat("/a")->version(), 1u);
  EXPECT_EQ(stat("/b")->version(), 1u);
  EXPECT_EQ(count("H") + count("h"), 0u);
  ASSERT_TRUE(run(ops::close_write, request));
}

}  // namespace
}  // namespace forebay::master
