#include "master/ops/world.h"

namespace forebay::master {
namespace {

class ResolveTest : public World {
 protected:
  ResolveTest() {
    EXPECT_TRUE(mkdir("/a"));
    EXPECT_TRUE(mkdir("/a/b"));
    EXPECT_TRUE(mknod("/a/b/f", v1::FILE_TYPE_REGULAR));
  }
  // "inode of this path", for comparing with a resolved one.
  uint64_t id(std::string_view path) { return inode_of(path).value; }
  uint64_t found(std::string_view path, bool follow = true, InodeId start = {}) {
    auto reply = resolve(path, follow, start);
    return reply && reply->has_attr() ? reply->attr().inode() : 0;
  }
};

TEST_F(ResolveTest, walks_plain_paths_dots_and_slashes) {
  EXPECT_EQ(found("/a/b/f"), id("/a/b/f"));
  EXPECT_EQ(found("a/b/f"), id("/a/b/f"));
  EXPECT_EQ(found("//a///b/./f"), id("/a/b/f"));
  EXPECT_EQ(found("/a/b/../b/f"), id("/a/b/f"));
  EXPECT_EQ(found("b/f", true, inode_of("/a")), id("/a/b/f"));
  EXPECT_EQ(found("/a/b", true, inode_of("/a")), id("/a/b")) << "absolute";
  EXPECT_EQ(found("/"), 1u);
  EXPECT_EQ(found(""), 1u);
  EXPECT_EQ(found("../../a/.."), 1u) << "stays below the root";
}

TEST_F(ResolveTest, says_where_the_last_component_is) {
  auto reply = resolve("/a/b/f");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->parent(), id("/a/b"));
  EXPECT_EQ(reply->name(), "f");
  reply = resolve("/a/b/new");
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->has_attr());
  EXPECT_EQ(reply->parent(), id("/a/b"));
  EXPECT_EQ(reply->name(), "new");
  reply = resolve("/a/b/..");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().inode(), id("/a"));
  EXPECT_EQ(reply->parent(), 1u);
  reply = resolve("/");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->parent(), 1u);
  EXPECT_EQ(reply->name(), "");
}

TEST_F(ResolveTest, a_slash_at_the_end_wants_a_directory) {
  ASSERT_TRUE(symlink("a", "/to_dir"));
  ASSERT_TRUE(symlink("a/b/f", "/to_file"));
  EXPECT_EQ(found("/a/b/"), id("/a/b"));
  EXPECT_EQ(error_of(resolve("/a/b/f/")), ENOTDIR);
  EXPECT_EQ(found("/to_dir/", false), id("/a"));
  EXPECT_EQ(error_of(resolve("/to_file/", false)), ENOTDIR);
  EXPECT_EQ(error_of(resolve("/a/b/f/x")), ENOTDIR);
  EXPECT_EQ(error_of(resolve("/a/b/f/.")), ENOTDIR);
  EXPECT_EQ(error_of(resolve("/a/b/f/..")), ENOTDIR);
  EXPECT_EQ(error_of(resolve("/x/y")), ENOENT);
  auto reply = resolve("/a/new/");
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->has_attr());
  EXPECT_EQ(reply->name(), "new");
}

TEST_F(ResolveTest, follows_links_in_the_middle_always_and_at_the_end_if_asked) {
  ASSERT_TRUE(symlink("b", "/a/rel"));
  ASSERT_TRUE(symlink("/a/b", "/abs"));
  ASSERT_TRUE(symlink("../a/rel/f", "/a/chain"));
  EXPECT_EQ(found("/a/rel/f"), id("/a/b/f"));
  EXPECT_EQ(found("/abs/f", false), id("/a/b/f"));
  EXPECT_EQ(found("/a/chain"), id("/a/b/f"));
  EXPECT_EQ(found("/a/chain", false), id("/a/chain"));
  EXPECT_EQ(found("/abs/.."), id("/a"));
}

TEST_F(ResolveTest, a_dangling_link_at_the_end_says_where_its_target_would_be) {
  ASSERT_TRUE(symlink("b/new", "/a/dangling"));
  auto reply = resolve("/a/dangling");
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->has_attr());
  EXPECT_EQ(reply->parent(), id("/a/b"));
  EXPECT_EQ(reply->name(), "new");
  ASSERT_TRUE(symlink("nowhere/new", "/a/worse"));
  EXPECT_EQ(error_of(resolve("/a/worse")), ENOENT);
}

TEST_F(ResolveTest, forty_links_are_followed_and_not_one_more) {
  ASSERT_TRUE(symlink("a", "/l1"));
  for (int i = 2; i <= 41; ++i) ASSERT_TRUE(symlink("l" + std::to_string(i - 1), "/l" + std::to_string(i)));
  EXPECT_EQ(found("/l40"), id("/a"));
  EXPECT_EQ(error_of(resolve("/l41")), ELOOP);
  ASSERT_TRUE(symlink("loop", "/loop"));
  EXPECT_EQ(error_of(resolve("/loop")), ELOOP);
  EXPECT_EQ(error_of(resolve("/loop/x", false)), ELOOP);
  EXPECT_EQ(found("/loop", false), id("/loop"));
}

TEST_F(ResolveTest, names_and_paths_have_limits) {
  EXPECT_EQ(error_of(resolve("/a/" + std::string(256, 'x'))), ENAMETOOLONG);
  EXPECT_EQ(error_of(resolve("/a/" + std::string(255, 'x'))), 0);
  std::string slashes(4096, '/');
  EXPECT_EQ(found(slashes), 1u);
  EXPECT_EQ(error_of(resolve(slashes + "/")), ENAMETOOLONG);
  EXPECT_EQ(error_of(resolve(std::string("/a\0b", 4))), EINVAL);
}

TEST_F(ResolveTest, every_directory_on_the_way_has_to_be_searchable) {
  ASSERT_TRUE(chmod("/a", 0766));
  as = user(5, 5);
  EXPECT_EQ(found("/a"), id("/a"));
  EXPECT_EQ(error_of(resolve("/a/b")), EACCES);
  EXPECT_EQ(error_of(resolve("/a/nothing")), EACCES);
  EXPECT_EQ(error_of(resolve("/a/..")), EACCES);
  EXPECT_EQ(error_of(resolve("x", true, InodeId{99})), ESTALE);
}

}  // namespace
}  // namespace forebay::master
