// Files that are made without a name.
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

class UnnamedTest : public ContentWorld {
 protected:
  Result<v1::OpenReply> make(std::string_view directory, bool linkable = true, v1::Access access = v1::ACCESS_READ_WRITE) {
    v1::CreateUnnamedRequest request;
    request.set_parent(inode_of(directory).value);
    request.set_mode(0640);
    request.set_access(access);
    request.set_linkable(linkable);
    request.mutable_placement()->set_bytes(100);
    return run(ops::create_unnamed, request);
  }
  Result<v1::AttrReply> name(InodeId inode, std::string_view path) {
    auto [parent, last] = split(path);
    v1::LinkRequest request;
    request.set_inode(inode.value);
    request.set_parent(parent.value);
    request.set_name(last);
    return run(ops::link, request);
  }
};

TEST_F(UnnamedTest, one_that_is_never_named_goes_with_its_handle) {
  auto made = make("/");
  ASSERT_TRUE(made);
  const InodeId inode{made->attr().inode()};
  EXPECT_EQ(made->attr().nlink(), 0u);
  EXPECT_EQ(made->attr().mode(), 0640u);
  EXPECT_EQ(names("/"), (Texts{}));
  ASSERT_TRUE(commit(HandleId{made->handle()}, {extent(0, 10, made->grants(0).object())}));
  reclaim();
  EXPECT_TRUE(get_attr(inode)) << "it is open";
  ASSERT_TRUE(close(HandleId{made->handle()}));
  reclaim();
  EXPECT_EQ(error_of(get_attr(inode)), ESTALE);
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(UnnamedTest, one_that_is_named_stays) {
  auto made = make("/");
  ASSERT_TRUE(made);
  const InodeId inode{made->attr().inode()};
  ASSERT_TRUE(commit(HandleId{made->handle()}, {extent(0, 10, made->grants(0).object())}));
  auto named = name(inode, "/a");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->attr().nlink(), 1u);
  ASSERT_TRUE(close(HandleId{made->handle()}));
  reclaim();
  EXPECT_EQ(stat("/a")->size(), 10u);
  EXPECT_EQ(count("N"), 0u);
}

TEST_F(UnnamedTest, a_removed_file_gets_no_name_again) {
  auto made = make("/");
  ASSERT_TRUE(name(InodeId{made->attr().inode()}, "/a"));
  ASSERT_TRUE(unlink("/a"));
  EXPECT_EQ(error_of(name(InodeId{made->attr().inode()}, "/b")), ENOENT);
  ASSERT_TRUE(close(HandleId{made->handle()}));
  reclaim();
}

TEST_F(UnnamedTest, an_exclusive_one_gets_none) {
  auto made = make("/", false);
  ASSERT_TRUE(made);
  EXPECT_EQ(error_of(name(InodeId{made->attr().inode()}, "/a")), ENOENT);
  ASSERT_TRUE(close(HandleId{made->handle()}));
  reclaim();
}

TEST_F(UnnamedTest, needs_to_be_allowed_to_make_entries_and_to_write) {
  ASSERT_TRUE(mkdir("/d", 0755));
  ASSERT_TRUE(mknod("/f", v1::FILE_TYPE_REGULAR));
  EXPECT_EQ(error_of(make("/d", true, v1::ACCESS_READ)), EINVAL);
  EXPECT_EQ(error_of(make("/f")), ENOTDIR);
  as = user(5, 5);
  EXPECT_EQ(error_of(make("/d")), EACCES);
}

TEST_F(UnnamedTest, a_setgid_directory_gives_its_group) {
  ASSERT_TRUE(mkdir("/d", 0755));
  ASSERT_TRUE(chown("/d", 0, 77));
  ASSERT_TRUE(chmod("/d", 02777));
  as = user(5, 5);
  auto made = make("/d");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->attr().gid(), 77u);
  EXPECT_EQ(made->attr().uid(), 5u);
}

}  // namespace
}  // namespace forebay::master
