#include "master/namespace/xattr.h"
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

using Strings = std::vector<std::string>;

class XattrTest : public ContentWorld {
 protected:
  XattrTest() {
    write_file("/f", 10);
    file_ = inode_of("/f");
    tick();
  }
  Result<v1::Attr> set(InodeId inode, std::string_view name, std::string value, bool create = false, bool replace = false) {
    v1::SetXattrRequest request;
    request.set_inode(inode.value);
    request.set_name(std::string(name));
    request.set_value(std::move(value));
    request.set_create(create);
    request.set_replace(replace);
    ASSIGN_OR_RETURN(v1::AttrReply reply, run(ops::set_xattr, request));
    return reply.attr();
  }
  Result<std::string> get(InodeId inode, std::string_view name) {
    v1::GetXattrRequest request;
    request.set_inode(inode.value);
    request.set_name(std::string(name));
    ASSIGN_OR_RETURN(v1::GetXattrReply reply, run(ops::get_xattr, request));
    return reply.value();
  }
  Strings list(InodeId inode) {
    v1::ListXattrsRequest request;
    request.set_inode(inode.value);
    auto reply = run(ops::list_xattrs, request);
    EXPECT_TRUE(reply);
    return reply ? Strings(reply->names().begin(), reply->names().end()) : Strings{};
  }
  Result<v1::Attr> remove(InodeId inode, std::string_view name) {
    v1::RemoveXattrRequest request;
    request.set_inode(inode.value);
    request.set_name(std::string(name));
    ASSIGN_OR_RETURN(v1::AttrReply reply, run(ops::remove_xattr, request));
    return reply.attr();
  }
  InodeId node(std::string_view path, v1::FileType type) {
    EXPECT_TRUE(mknod(path, type, 0666));
    return inode_of(path);
  }

  InodeId file_;
};

TEST_F(XattrTest, what_is_set_is_there_until_it_is_removed) {
  ASSERT_TRUE(set(file_, "user.b", "two"));
  ASSERT_TRUE(set(file_, "user.a", std::string("\0one", 4)));
  ASSERT_TRUE(set(file_, "user.empty", ""));
  EXPECT_EQ(*get(file_, "user.a"), std::string("\0one", 4));
  EXPECT_EQ(*get(file_, "user.empty"), "");
  EXPECT_EQ(list(file_), (Strings{"user.a", "user.b", "user.empty"}));
  ASSERT_TRUE(remove(file_, "user.b"));
  EXPECT_EQ(error_of(get(file_, "user.b")), ENODATA);
  EXPECT_EQ(error_of(remove(file_, "user.b")), ENODATA);
  EXPECT_EQ(list(file_), (Strings{"user.a", "user.empty"}));
}

TEST_F(XattrTest, only_ctime_changes) {
  const auto before = get_attr(file_);
  const auto after = set(file_, "user.a", "1");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->ctime_ns(), now_ns());
  EXPECT_EQ(after->mtime_ns(), before->mtime_ns());
  EXPECT_EQ(after->version(), before->version());
  EXPECT_EQ(after->layout(), before->layout());
  tick();
  EXPECT_EQ(remove(file_, "user.a")->ctime_ns(), now_ns());
}

TEST_F(XattrTest, create_and_replace_say_what_has_to_be_there) {
  EXPECT_EQ(error_of(set(file_, "user.a", "1", false, true)), ENODATA);
  ASSERT_TRUE(set(file_, "user.a", "1", true));
  EXPECT_EQ(error_of(set(file_, "user.a", "2", true)), EEXIST);
  ASSERT_TRUE(set(file_, "user.a", "3", false, true));
  EXPECT_EQ(*get(file_, "user.a"), "3");
}

TEST_F(XattrTest, names_and_values_have_limits) {
  EXPECT_EQ(error_of(set(file_, "", "1")), ERANGE);
  EXPECT_EQ(error_of(set(file_, "user." + std::string(251, 'n'), "1")), ERANGE);
  ASSERT_TRUE(set(file_, "user." + std::string(250, 'n'), "1"));
  EXPECT_EQ(error_of(set(file_, "user.", "1")), EINVAL);
  EXPECT_EQ(error_of(set(file_, "system.posix_acl_access", "1")), EOPNOTSUPP);
  EXPECT_EQ(error_of(get(file_, "other.a")), EOPNOTSUPP);
  EXPECT_EQ(error_of(set(file_, "user.a", std::string(65'537, 'v'))), E2BIG);
  ASSERT_TRUE(set(file_, "user.a", std::string(65'536, 'v')));
}

TEST_F(XattrTest, an_inode_has_room_for_so_much_and_no_more) {
  const std::string large(65'536, 'v');
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(set(file_, "user.large" + std::to_string(i), large));
  EXPECT_EQ(error_of(set(file_, "user.last", large)), ENOSPC);
  ASSERT_TRUE(set(file_, "user.large0", "small"));
  ASSERT_TRUE(set(file_, "user.last", large));
  EXPECT_EQ(list(file_).size(), 16u);
}

TEST_F(XattrTest, names_fit_into_one_listing) {
  const std::string long_name = "user." + std::string(246, 'n');
  size_t made = 0;
  while (set(file_, long_name + std::to_string(1000 + made), "")) ++made;
  EXPECT_EQ(made, kMaxXattrNameBytes / 256);
  size_t bytes = 0;
  for (const std::string& name : list(file_)) bytes += name.size() + 1;
  EXPECT_LE(bytes, kMaxXattrNameBytes);
}

TEST_F(XattrTest, user_attributes_are_of_files_and_directories) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(set(inode_of("/d"), "user.a", "1"));
  ASSERT_TRUE(symlink("f", "/l"));
  const InodeId fifo = node("/fifo", v1::FILE_TYPE_FIFO);
  for (InodeId inode : {inode_of("/l"), fifo}) {
    EXPECT_EQ(error_of(set(inode, "user.a", "1")), EPERM);
    EXPECT_EQ(error_of(get(inode, "user.a")), ENODATA);
    ASSERT_TRUE(set(inode, "trusted.a", "1"));
    EXPECT_EQ(list(inode), (Strings{"trusted.a"}));
  }
}

TEST_F(XattrTest, the_mode_decides_about_user_attributes) {
  ASSERT_TRUE(set(file_, "user.a", "1"));
  ASSERT_TRUE(chmod("/f", 0644));
  as = user(5, 5);
  EXPECT_EQ(*get(file_, "user.a"), "1");
  EXPECT_EQ(error_of(set(file_, "user.a", "2")), EACCES);
  EXPECT_EQ(error_of(remove(file_, "user.a")), EACCES);
  as = root();
  ASSERT_TRUE(chmod("/f", 0620));
  ASSERT_TRUE(chown("/f", 0, 5));
  as = user(5, 5);
  EXPECT_EQ(error_of(get(file_, "user.a")), EACCES);
  ASSERT_TRUE(set(file_, "user.a", "2"));
  EXPECT_EQ(list(file_), (Strings{"user.a"})) << "names are for everybody";
}

TEST_F(XattrTest, of_a_sticky_directory_they_are_its_owners) {
  ASSERT_TRUE(mkdir("/d", 01777));
  ASSERT_TRUE(chmod("/d", 01777));
  as = user(5, 5);
  EXPECT_EQ(error_of(set(inode_of("/d"), "user.a", "1")), EPERM);
  as = root();
  ASSERT_TRUE(chown("/d", 5, std::nullopt));
  as = user(5, 5);
  ASSERT_TRUE(set(inode_of("/d"), "user.a", "1"));
}

TEST_F(XattrTest, trusted_ones_are_the_superusers) {
  ASSERT_TRUE(set(file_, "trusted.t", "1"));
  ASSERT_TRUE(set(file_, "security.s", "2"));
  ASSERT_TRUE(chown("/f", 5, 5));
  as = user(5, 5);
  EXPECT_EQ(error_of(get(file_, "trusted.t")), ENODATA);
  EXPECT_EQ(error_of(set(file_, "trusted.t", "2")), EPERM);
  EXPECT_EQ(error_of(remove(file_, "security.s")), EPERM);
  EXPECT_EQ(*get(file_, "security.s"), "2");
  EXPECT_EQ(list(file_), (Strings{"security.s"}));
}

TEST_F(XattrTest, they_stay_through_rename_and_hard_links) {
  ASSERT_TRUE(set(file_, "user.a", "1"));
  ASSERT_TRUE(link("/f", "/g"));
  ASSERT_TRUE(rename("/f", "/h"));
  EXPECT_EQ(*get(inode_of("/h"), "user.a"), "1");
  ASSERT_TRUE(unlink("/h"));
  EXPECT_EQ(*get(inode_of("/g"), "user.a"), "1");
}

TEST_F(XattrTest, they_go_with_the_inode) {
  ASSERT_TRUE(set(file_, "user.a", "1"));
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(set(inode_of("/d"), "user.a", "1"));
  ASSERT_TRUE(unlink("/f"));
  ASSERT_TRUE(rmdir("/d"));
  EXPECT_EQ(count("x"), 0u);
  EXPECT_EQ(count("N"), 0u);
}

TEST_F(XattrTest, many_of_them_go_step_by_step) {
  ASSERT_TRUE(mkdir("/d"));
  for (InodeId inode : {file_, inode_of("/d")}) {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(set(inode, "user." + std::to_string(i), "v"));
  }
  ASSERT_TRUE(unlink("/f"));
  ASSERT_TRUE(rmdir("/d"));
  EXPECT_GT(count("x"), 200u);
  EXPECT_EQ(problems(), Strings{});
  for (uint64_t inode : {file_.value, file_.value + 1}) {
    ASSERT_TRUE(change([&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(const Reclaimed step, reclaim_step(context, InodeId{inode}, 10));
      EXPECT_EQ(step, Reclaimed::kMore);
      return {};
    }));
    EXPECT_EQ(problems(), Strings{});
  }
  reclaim(10);
  EXPECT_EQ(count("x"), 0u);
  EXPECT_EQ(count("O"), 0u);
}

TEST_F(XattrTest, those_of_a_removed_file_stay_while_it_is_open) {
  auto opened = open("/f", v1::ACCESS_READ_WRITE);
  ASSERT_TRUE(set(file_, "user.a", "1"));
  ASSERT_TRUE(unlink("/f"));
  EXPECT_EQ(*get(file_, "user.a"), "1");
  ASSERT_TRUE(set(file_, "user.b", "2"));
  ASSERT_TRUE(close(HandleId{opened->handle()}));
  reclaim();
  EXPECT_EQ(count("x"), 0u);
}

TEST_F(XattrTest, a_capability_goes_when_content_or_owner_changes) {
  const auto give = [this](InodeId inode) { return set(inode, "security.capability", "cap")->capability(); };
  EXPECT_FALSE(get_attr(file_)->capability());
  EXPECT_TRUE(give(file_));
  EXPECT_TRUE(get_attr(file_)->capability());
  ASSERT_TRUE(chmod("/f", 0700));
  EXPECT_TRUE(get_attr(file_)->capability()) << "a mode takes nothing away";

  ASSERT_TRUE(chown("/f", 5, 5));
  EXPECT_EQ(error_of(get(file_, "security.capability")), ENODATA);
  EXPECT_TRUE(give(file_));
  ASSERT_TRUE(truncate("/f", 3));
  EXPECT_FALSE(get_attr(file_)->capability());

  EXPECT_TRUE(give(file_));
  ASSERT_TRUE(close(HandleId{open("/f", v1::ACCESS_READ_WRITE, true)->handle()}));
  EXPECT_FALSE(get_attr(file_)->capability());

  auto writing = start("/w");
  EXPECT_TRUE(give(writing.inode));
  ASSERT_TRUE(commit(writing.handle, {extent(0, 40, writing.object)}));
  EXPECT_FALSE(get_attr(writing.inode)->capability());
  EXPECT_TRUE(give(writing.inode));
  ASSERT_TRUE(close(writing.handle));
  EXPECT_TRUE(get_attr(writing.inode)->capability()) << "a close that commits no bytes is no write";
  EXPECT_EQ(count("x"), 1u);
}

}  // namespace
}  // namespace forebay::master
