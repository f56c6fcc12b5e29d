// mkdir, mknod, symlink, link, unlink, rmdir, remove-tree, lookup, read-dir.
#include "master/ops/world.h"

namespace forebay::master {
namespace {

using Strings = std::vector<std::string>;

class NamesTest : public World {
 protected:
  static constexpr v1::FileType kAllNodes[] = {v1::FILE_TYPE_REGULAR, v1::FILE_TYPE_FIFO, v1::FILE_TYPE_SOCKET,
                                               v1::FILE_TYPE_CHARACTER, v1::FILE_TYPE_BLOCK};
  const std::string longest_ = std::string(255, 'n');
  const std::string too_long_ = std::string(256, 'n');
};

TEST_F(NamesTest, mkdir_makes_an_empty_directory_and_counts_it_in_its_parent) {
  auto made = mkdir("/d", 0750);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->type(), v1::FILE_TYPE_DIRECTORY);
  EXPECT_EQ(made->mode(), 0750u);
  EXPECT_EQ(made->nlink(), 2u);
  EXPECT_EQ(made->size(), 0u);
  EXPECT_EQ(made->mtime_ns(), now_ns());
  EXPECT_EQ(made->birth_ns(), now_ns());
  auto parent = stat("/");
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->nlink(), 3u);
  EXPECT_EQ(parent->size(), 1u);
  EXPECT_EQ(parent->mtime_ns(), now_ns());
  EXPECT_EQ(parent->ctime_ns(), now_ns());
}

TEST_F(NamesTest, mkdir_ignores_set_id_bits_and_keeps_sticky) {
  auto made = mkdir("/d", 07777);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->mode(), 01777u);
}

TEST_F(NamesTest, mkdir_refuses_what_exists_unless_told_otherwise) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(mknod("/f", v1::FILE_TYPE_REGULAR));
  EXPECT_EQ(error_of(mkdir("/d")), EEXIST);
  EXPECT_EQ(error_of(mkdir("/f")), EEXIST);
  v1::MakeDirRequest request;
  request.set_parent(1);
  request.set_name("d");
  request.set_exist_ok(true);
  auto again = run(ops::make_dir, request);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attr().inode(), inode_of("/d").value);
  request.set_name("f");
  EXPECT_EQ(error_of(run(ops::make_dir, request)), EEXIST);
}

TEST_F(NamesTest, everything_that_is_made_refuses_the_same_things) {
  ASSERT_TRUE(mkdir("/locked", 0555));
  ASSERT_TRUE(mkdir("/unsearchable", 0666));
  ASSERT_TRUE(mknod("/file", v1::FILE_TYPE_REGULAR));
  ASSERT_TRUE(mknod("/other", v1::FILE_TYPE_REGULAR));
  uint64_t other = inode_of("/other").value, file = inode_of("/file").value;
  auto each = [&](Caller caller, uint64_t parent, const std::string& name) {
    as = std::move(caller);
    std::vector<int> errors;
    v1::MakeDirRequest directory;
    directory.set_parent(parent);
    directory.set_name(name);
    errors.push_back(error_of(run(ops::make_dir, directory)));
    v1::MakeNodeRequest node;
    node.set_parent(parent);
    node.set_name(name);
    node.set_type(v1::FILE_TYPE_FIFO);
    errors.push_back(error_of(run(ops::make_node, node)));
    v1::MakeSymlinkRequest symlink;
    symlink.set_parent(parent);
    symlink.set_name(name);
    symlink.set_target("x");
    errors.push_back(error_of(run(ops::make_symlink, symlink)));
    v1::LinkRequest link;
    link.set_inode(other);
    link.set_parent(parent);
    link.set_name(name);
    errors.push_back(error_of(run(ops::link, link)));
    v1::CreateRequest create;
    create.set_parent(parent);
    create.set_name(name);
    create.set_exclusive(true);
    create.set_access(v1::ACCESS_WRITE);
    errors.push_back(error_of(run(ops::create, create)));
    as = root();
    return errors;
  };
  auto all = [](int error) { return std::vector<int>(5, error); };
  uint64_t locked = inode_of("/locked").value, unsearchable = inode_of("/unsearchable").value;
  EXPECT_EQ(each(root(), 1, "file"), all(EEXIST));
  EXPECT_EQ(each(user(5, 5), 1, "file"), all(EEXIST)) << "before EACCES";
  EXPECT_EQ(each(user(5, 5), 1, "new"), all(EACCES));
  EXPECT_EQ(each(user(5, 5), locked, "new"), all(EACCES));
  EXPECT_EQ(each(user(5, 5), unsearchable, "new"), all(EACCES));
  EXPECT_EQ(each(root(), file, "new"), all(ENOTDIR));
  EXPECT_EQ(each(root(), 999, "new"), all(ESTALE));
  EXPECT_EQ(each(root(), 1, too_long_), all(ENAMETOOLONG));
  EXPECT_EQ(each(root(), 1, ""), all(EINVAL));
  EXPECT_EQ(each(root(), 1, "."), all(EINVAL));
  EXPECT_EQ(each(root(), 1, ".."), all(EINVAL));
  EXPECT_EQ(each(root(), 1, "a/b"), all(EINVAL));
  EXPECT_EQ(each(root(), 1, std::string("a\0b", 3)), all(EINVAL));
  EXPECT_EQ(each(root(), 1, longest_).front(), 0);
}

TEST_F(NamesTest, nothing_is_made_in_a_removed_directory_that_is_still_open) {
  ASSERT_TRUE(mkdir("/d"));
  InodeId gone = inode_of("/d");
  reads.open.insert(gone);
  ASSERT_TRUE(rmdir("/d"));
  auto attr = get_attr(gone);
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->nlink(), 0u);
  v1::MakeDirRequest request;
  request.set_parent(gone.value);
  request.set_name("x");
  EXPECT_EQ(error_of(run(ops::make_dir, request)), ENOENT);
  v1::LookupRequest lookup;
  lookup.set_parent(gone.value);
  lookup.set_name("x");
  EXPECT_EQ(error_of(run(ops::lookup, lookup)), ENOENT);
  reclaim();
  EXPECT_TRUE(get_attr(gone));
  reads.open.clear();
  reclaim();
  EXPECT_EQ(error_of(get_attr(gone)), ESTALE);
}

TEST_F(NamesTest, mknod_makes_every_kind_of_node) {
  for (v1::FileType type : kAllNodes) {
    std::string path = "/n" + std::to_string(type);
    auto made = mknod(path, type, 06644, 0x1234);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->type(), type);
    EXPECT_EQ(made->mode(), 06644u);
    bool device = type == v1::FILE_TYPE_CHARACTER || type == v1::FILE_TYPE_BLOCK;
    EXPECT_EQ(made->rdev(), device ? 0x1234u : 0u);
    EXPECT_EQ(made->nlink(), 1u);
  }
  EXPECT_EQ(stat("/n1")->version(), 1u);
  EXPECT_EQ(error_of(mknod("/x", v1::FILE_TYPE_DIRECTORY)), EPERM);
  EXPECT_EQ(error_of(mknod("/x", v1::FILE_TYPE_SYMLINK)), EINVAL);
  EXPECT_EQ(error_of(mknod("/x", v1::FILE_TYPE_UNSPECIFIED)), EINVAL);
}

TEST_F(NamesTest, only_the_superuser_makes_devices) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(chmod("/d", 0777));
  as = user(5, 5);
  EXPECT_EQ(error_of(mknod("/d/c", v1::FILE_TYPE_CHARACTER)), EPERM);
  EXPECT_EQ(error_of(mknod("/d/b", v1::FILE_TYPE_BLOCK)), EPERM);
  EXPECT_EQ(error_of(mknod("/d/f", v1::FILE_TYPE_FIFO)), 0);
  EXPECT_EQ(error_of(mknod("/d/s", v1::FILE_TYPE_SOCKET)), 0);
}

TEST_F(NamesTest, a_setgid_directory_gives_its_group_and_to_directories_the_bit) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(chown("/d", 5, 70));
  ASSERT_TRUE(chmod("/d", 02777));
  as = user(6, 60);
  auto directory = mkdir("/d/d", 0755);
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->gid(), 70u);
  EXPECT_EQ(directory->mode(), 02755u);
  auto file = create("/d/f", 02755);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->attr().gid(), 70u);
  EXPECT_EQ(file->attr().mode(), 0755u) << "not in the group: no setgid program";
  auto unexecutable = mknod("/d/g", v1::FILE_TYPE_REGULAR, 02644);
  ASSERT_TRUE(unexecutable);
  EXPECT_EQ(unexecutable->mode(), 02644u);
  as = user(6, 60, {70});
  auto member = mknod("/d/h", v1::FILE_TYPE_REGULAR, 02755);
  ASSERT_TRUE(member);
  EXPECT_EQ(member->mode(), 02755u);
  EXPECT_EQ(member->uid(), 6u);
  ASSERT_TRUE(close(HandleId{file->handle()}));
}

TEST_F(NamesTest, without_setgid_the_group_is_the_callers) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(chmod("/d", 0777));
  as = user(6, 60, {70});
  auto made = mkdir("/d/e");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->uid(), 6u);
  EXPECT_EQ(made->gid(), 60u);
}

TEST_F(NamesTest, symlink_keeps_its_target_as_it_is) {
  auto made = symlink("../x//y/", "/s");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->type(), v1::FILE_TYPE_SYMLINK);
  EXPECT_EQ(made->mode(), 0777u);
  EXPECT_EQ(made->target(), "../x//y/");
  EXPECT_EQ(made->size(), 8u);
  EXPECT_EQ(error_of(symlink("", "/t")), ENOENT);
  EXPECT_EQ(error_of(symlink(std::string(4096, 'x'), "/t")), ENAMETOOLONG);
  EXPECT_EQ(error_of(symlink(std::string("a\0b", 3), "/t")), EINVAL);
  EXPECT_EQ(error_of(symlink(std::string(4095, 'x'), "/t")), 0);
}

TEST_F(NamesTest, link_gives_a_file_one_more_name) {
  write_file("/a", 10);
  int64_t written = stat("/a")->mtime_ns();
  tick();
  auto linked = link("/a", "/b");
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->nlink(), 2u);
  EXPECT_EQ(linked->ctime_ns(), now_ns());
  EXPECT_EQ(linked->mtime_ns(), written);
  EXPECT_EQ(inode_of("/a"), inode_of("/b"));
  EXPECT_EQ(stat("/")->mtime_ns(), now_ns());
  auto reply = unlink("/a");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->nlink(), 1u);
  EXPECT_EQ(stat("/b")->size(), 10u);
}

TEST_F(NamesTest, symbolic_links_and_nodes_have_links_too) {
  ASSERT_TRUE(symlink("x", "/s"));
  ASSERT_TRUE(link("/s", "/t"));
  EXPECT_EQ(stat("/t")->target(), "x");
  ASSERT_TRUE(mknod("/p", v1::FILE_TYPE_FIFO));
  EXPECT_EQ(link("/p", "/q")->nlink(), 2u);
}

TEST_F(NamesTest, link_refuses_directories_removed_files_and_too_many) {
  ASSERT_TRUE(mkdir("/d"));
  EXPECT_EQ(error_of(link("/d", "/e")), EPERM);
  auto opened = create("/f");
  ASSERT_TRUE(opened);
  v1::LinkRequest request;
  request.set_inode(inode_of("/f").value);
  request.set_parent(1);
  request.set_name("g");
  ASSERT_TRUE(unlink("/f"));
  EXPECT_EQ(error_of(run(ops::link, request)), ENOENT);
  ASSERT_TRUE(close(HandleId{opened->handle()}));
  reclaim();
  EXPECT_EQ(error_of(run(ops::link, request)), ESTALE);

  ASSERT_TRUE(mknod("/many", v1::FILE_TYPE_REGULAR));
  ASSERT_TRUE(mkdir("/links"));
  InodeId many = inode_of("/many");
  auto set_links = [&](uint32_t links) {
    ASSERT_TRUE(change([&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, many));
      record.set_nlink(links);
      save_inode(context.txn, many, record);
      return {};
    }));
  };
  set_links(kMaxLinks - 1);
  EXPECT_EQ(error_of(link("/many", "/links/last")), 0);
  EXPECT_EQ(error_of(link("/many", "/links/more")), EMLINK);
  set_links(2);
}

TEST_F(NamesTest, unlink_of_one_name_leaves_the_others_and_marks_times) {
  write_file("/a", 10);
  ASSERT_TRUE(link("/a", "/b"));
  tick();
  auto reply = unlink("/b");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->inode(), inode_of("/a").value);
  EXPECT_EQ(stat("/a")->nlink(), 1u);
  EXPECT_EQ(stat("/a")->ctime_ns(), now_ns());
  EXPECT_EQ(stat("/")->mtime_ns(), now_ns());
  EXPECT_EQ(stat("/")->size(), 1u);
}

TEST_F(NamesTest, unlink_and_rmdir_refuse_the_other_kind_and_what_is_not_there) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(mknod("/f", v1::FILE_TYPE_REGULAR));
  ASSERT_TRUE(symlink("d", "/s"));
  EXPECT_EQ(error_of(unlink("/d")), EISDIR);
  EXPECT_EQ(error_of(rmdir("/f")), ENOTDIR);
  EXPECT_EQ(error_of(rmdir("/s")), ENOTDIR);
  EXPECT_EQ(error_of(unlink("/x")), ENOENT);
  EXPECT_EQ(error_of(rmdir("/x")), ENOENT);
  EXPECT_EQ(error_of(remove_tree("/x")), ENOENT);
  EXPECT_EQ(error_of(unlink("/" + too_long_)), ENAMETOOLONG);
  EXPECT_EQ(error_of(rmdir("/" + too_long_)), ENAMETOOLONG);
  EXPECT_EQ(error_of(unlink("/f/x")), ENOTDIR);
  as = user(5, 5);
  EXPECT_EQ(error_of(unlink("/f")), EACCES);
  EXPECT_EQ(error_of(rmdir("/d")), EACCES);
  EXPECT_EQ(error_of(remove_tree("/d")), EACCES);
}

TEST_F(NamesTest, rmdir_takes_only_empty_directories) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(mkdir("/d/e"));
  EXPECT_EQ(error_of(rmdir("/d")), ENOTEMPTY);
  tick();
  ASSERT_TRUE(rmdir("/d/e"));
  EXPECT_EQ(stat("/d")->nlink(), 2u);
  EXPECT_EQ(stat("/d")->mtime_ns(), now_ns());
  ASSERT_TRUE(rmdir("/d"));
  EXPECT_EQ(stat("/")->nlink(), 2u);
  EXPECT_EQ(count("I"), 1u);
}

// Who may remove what from a sticky directory, in POSIX's words.
TEST_F(NamesTest, a_sticky_directory_protects_entries_of_others) {
  struct Case {
    uint32_t directory_owner, file_owner, caller;
    int error;
  };
  for (auto [directory_owner, file_owner, caller, error] :
       {Case{5, 5, 5, 0}, Case{5, 6, 5, 0}, Case{6, 5, 5, 0}, Case{6, 6, 5, EPERM}, Case{6, 7, 5, EPERM}, Case{6, 6, 0, 0}}) {
    ASSERT_TRUE(mkdir("/s"));
    ASSERT_TRUE(mkdir("/s/d"));
    ASSERT_TRUE(mknod("/s/f", v1::FILE_TYPE_REGULAR));
    ASSERT_TRUE(symlink("x", "/s/l"));
    ASSERT_TRUE(chmod("/s", 01777));
    for (const char* path : {"/s/d", "/s/f", "/s/l"}) ASSERT_TRUE(chown(path, file_owner, file_owner));
    ASSERT_TRUE(chown("/s", directory_owner, directory_owner));
    as = user(caller, caller);
    EXPECT_EQ(error_of(unlink("/s/f")), error);
    EXPECT_EQ(error_of(unlink("/s/l")), error);
    EXPECT_EQ(error_of(rmdir("/s/d")), error);
    as = root();
    ASSERT_TRUE(remove_tree("/s"));
    reclaim();
    EXPECT_EQ(count("I"), 1u);
  }
}

TEST_F(NamesTest, remove_tree_detaches_at_once_and_is_taken_apart_in_small_steps) {
  ASSERT_TRUE(mkdir("/t"));
  for (int d = 0; d < 5; ++d) {
    std::string directory = "/t/d" + std::to_string(d);
    ASSERT_TRUE(mkdir(directory));
    ASSERT_TRUE(mkdir(directory + "/empty"));
    for (int f = 0; f < 7; ++f) write_file(directory + "/f" + std::to_string(f), 100);
  }
  write_file("/t/kept", 100);
  ASSERT_TRUE(link("/t/kept", "/kept"));
  InodeId tree = inode_of("/t");
  ASSERT_TRUE(remove_tree("/t"));
  EXPECT_EQ(error_of(stat("/t")), ENOENT);
  EXPECT_EQ(names("/"), Strings{"kept"});
  EXPECT_EQ(stat("/")->nlink(), 2u);
  EXPECT_TRUE(has(key::detached(tree)));
  reclaim(3);
  EXPECT_EQ(count("I"), 2u);
  EXPECT_EQ(count("N"), 0u);
  EXPECT_EQ(count("D"), 1u);
  EXPECT_EQ(count("O"), 1u);
  EXPECT_EQ(stat("/kept")->nlink(), 1u);
}

TEST_F(NamesTest, remove_tree_of_a_file_is_unlink) {
  write_file("/f", 10);
  ASSERT_TRUE(remove_tree("/f"));
  EXPECT_EQ(count("O"), 0u);
  EXPECT_EQ(count("I"), 1u);
}

TEST_F(NamesTest, remove_tree_needs_the_trees_owner_when_there_is_something_in_it) {
  ASSERT_TRUE(mkdir("/p"));
  ASSERT_TRUE(chmod("/p", 0777));
  ASSERT_TRUE(mkdir("/p/t"));
  ASSERT_TRUE(mkdir("/p/t/x"));
  as = user(5, 5);
  EXPECT_EQ(error_of(remove_tree("/p/t")), EPERM);
  as = root();
  ASSERT_TRUE(chown("/p/t", 5, 5));
  as = user(5, 5);
  EXPECT_EQ(error_of(remove_tree("/p/t")), 0);
  reclaim();
}

TEST_F(NamesTest, a_removed_tree_is_empty_for_those_who_are_still_in_it) {
  ASSERT_TRUE(mkdir("/t"));
  ASSERT_TRUE(mkdir("/t/d"));
  InodeId tree = inode_of("/t");
  ASSERT_TRUE(remove_tree("/t"));
  v1::ReadDirRequest list;
  list.set_inode(tree.value);
  auto page = run(ops::read_dir, list);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries_size(), 0);
  EXPECT_TRUE(page->end());
  v1::RemoveDirRequest remove;
  remove.set_parent(tree.value);
  remove.set_name("d");
  EXPECT_EQ(error_of(run(ops::remove_dir, remove)), ENOENT);
  EXPECT_EQ(error_of(resolve("d", true, tree)), ENOENT);
  reclaim();
}

TEST_F(NamesTest, lookup_answers_for_each_kind_of_trouble) {
  write_file("/f", 10);
  ASSERT_TRUE(mkdir("/d", 0600));
  EXPECT_EQ(stat("/f")->size(), 10u);
  EXPECT_EQ(error_of(stat("/x")), ENOENT);
  EXPECT_EQ(error_of(stat("/f/x")), ENOTDIR);
  EXPECT_EQ(error_of(stat("/" + too_long_)), ENAMETOOLONG);
  EXPECT_EQ(error_of(get_attr(InodeId{99})), ESTALE);
  as = user(5, 5);
  EXPECT_EQ(error_of(stat("/d/x")), EACCES);
}

TEST_F(NamesTest, read_dir_shows_everything_once_in_name_order) {
  ASSERT_TRUE(mkdir("/d"));
  std::set<std::string> made;
  for (int i = 0; i < 300; ++i) {
    std::string name = std::to_string(i * 7919 % 1000) + (i % 3 == 0 ? "\xff" : "");
    if (made.insert(name).second) ASSERT_TRUE(mkdir("/d/" + name));
  }
  Strings seen;
  std::string after;
  for (bool end = false; !end;) {
    auto page = read_dir("/d", after, 7, true);
    ASSERT_TRUE(page);
    for (const v1::DirEntry& entry : page->entries()) {
      seen.push_back(entry.name());
      EXPECT_EQ(entry.attr().inode(), entry.inode());
      EXPECT_EQ(entry.type(), v1::FILE_TYPE_DIRECTORY);
    }
    end = page->end();
    if (page->entries_size() != 0) after = page->entries(page->entries_size() - 1).name();
  }
  EXPECT_EQ(seen, Strings(made.begin(), made.end()));
}

TEST_F(NamesTest, a_cursor_survives_changes_around_it) {
  ASSERT_TRUE(mkdir("/d"));
  for (const char* name : {"b", "d", "f", "h"}) ASSERT_TRUE(mkdir(std::string("/d/") + name));
  auto page = read_dir("/d", "", 2);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries(1).name(), "d");
  ASSERT_TRUE(rmdir("/d/d"));   // the cursor itself
  ASSERT_TRUE(rmdir("/d/f"));   // before it was seen
  ASSERT_TRUE(mkdir("/d/a"));   // behind the cursor
  ASSERT_TRUE(mkdir("/d/d0"));  // right before what comes
  ASSERT_TRUE(mkdir("/d/z"));
  page = read_dir("/d", "d", 10);
  ASSERT_TRUE(page);
  Strings rest;
  for (const v1::DirEntry& entry : page->entries()) rest.push_back(entry.name());
  EXPECT_EQ(rest, (Strings{"d0", "h", "z"}));
  EXPECT_TRUE(page->end());
}

TEST_F(NamesTest, a_page_ends_exactly_at_the_last_entry) {
  ASSERT_TRUE(mkdir("/d"));
  ASSERT_TRUE(mkdir("/d/a"));
  ASSERT_TRUE(mkdir("/d/b"));
  auto page = read_dir("/d", "", 2);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->end());
  page = read_dir("/d", "b", 2);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries_size(), 0);
  EXPECT_TRUE(page->end());
}

TEST_F(NamesTest, a_page_of_long_links_is_cut_by_bytes) {
  ASSERT_TRUE(mkdir("/d"));
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(symlink(std::string(4095, 'x'), "/d/" + std::to_string(i)));
  size_t seen = 0;
  std::string after;
  for (bool end = false; !end;) {
    auto page = read_dir("/d", after, 4096, true);
    ASSERT_TRUE(page);
    ASSERT_GT(page->entries_size(), 0);
    EXPECT_LT(page->ByteSizeLong(), 2u << 20);
    seen += static_cast<size_t>(page->entries_size());
    after = page->entries(page->entries_size() - 1).name();
    end = page->end();
  }
  EXPECT_EQ(seen, 400u);
}

TEST_F(NamesTest, read_dir_needs_read_permission_and_shows_attributes_to_those_who_may_search) {
  ASSERT_TRUE(mkdir("/d", 0744));
  ASSERT_TRUE(mkdir("/d/e"));
  ASSERT_TRUE(mknod("/f", v1::FILE_TYPE_REGULAR));
  EXPECT_EQ(error_of(read_dir("/f")), ENOTDIR);
  as = user(5, 5);
  auto page = read_dir("/d", "", 10, true);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries_size(), 1);
  EXPECT_FALSE(page->entries(0).has_attr());
  as = root();
  ASSERT_TRUE(chmod("/d", 0711));
  as = user(5, 5);
  EXPECT_EQ(error_of(read_dir("/d")), EACCES);
  EXPECT_EQ(error_of(read_dir("/", too_long_)), ENAMETOOLONG);
}

}  // namespace
}  // namespace forebay::master
