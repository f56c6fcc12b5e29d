#include "master/ops/world.h"

namespace forebay::master {
namespace {

constexpr v1::FileType kTypes[] = {v1::FILE_TYPE_REGULAR, v1::FILE_TYPE_DIRECTORY, v1::FILE_TYPE_SYMLINK, v1::FILE_TYPE_FIFO,
                                   v1::FILE_TYPE_SOCKET,  v1::FILE_TYPE_CHARACTER, v1::FILE_TYPE_BLOCK};

class RenameTest : public World {
 protected:
  RenameTest() {
    EXPECT_TRUE(mkdir("/p"));
    EXPECT_TRUE(mkdir("/q"));
  }
  void make(v1::FileType type, const std::string& path) {
    if (type == v1::FILE_TYPE_DIRECTORY) {
      ASSERT_TRUE(mkdir(path));
    } else if (type == v1::FILE_TYPE_SYMLINK) {
      ASSERT_TRUE(symlink("x", path));
    } else if (type == v1::FILE_TYPE_REGULAR) {
      write_file(path, 10);
    } else {
      ASSERT_TRUE(mknod(path, type));
    }
  }
  void remove_all() {
    for (const char* directory : {"/p", "/q"}) {
      for (const std::string& name : names(directory)) ASSERT_TRUE(remove_tree(std::string(directory) + "/" + name));
    }
    reclaim();
  }
};

TEST_F(RenameTest, moves_within_a_directory_and_marks_its_times) {
  write_file("/p/a", 10);
  uint64_t inode = inode_of("/p/a").value;
  int64_t written = stat("/p/a")->mtime_ns();
  tick();
  auto reply = rename("/p/a", "/p/b");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->moved(), inode);
  EXPECT_EQ(reply->replaced(), 0u);
  EXPECT_EQ(inode_of("/p/b").value, inode);
  EXPECT_EQ(inode_of("/p/a").value, 0u);
  EXPECT_EQ(stat("/p")->size(), 1u);
  EXPECT_EQ(stat("/p")->mtime_ns(), now_ns());
  EXPECT_EQ(stat("/p")->ctime_ns(), now_ns());
  EXPECT_EQ(stat("/p/b")->ctime_ns(), now_ns());
  EXPECT_EQ(stat("/p/b")->mtime_ns(), written);
}

TEST_F(RenameTest, moves_a_directory_with_everything_below_it) {
  ASSERT_TRUE(mkdir("/p/d"));
  write_file("/p/d/f", 10);
  tick();
  ASSERT_TRUE(rename("/p/d", "/q/e"));
  EXPECT_EQ(stat("/q/e/f")->size(), 10u);
  EXPECT_EQ(stat("/p")->nlink(), 2u);
  EXPECT_EQ(stat("/q")->nlink(), 3u);
  EXPECT_EQ(stat("/p")->mtime_ns(), now_ns());
  EXPECT_EQ(stat("/q")->mtime_ns(), now_ns());
  EXPECT_EQ(resolve("/q/e/..")->attr().inode(), inode_of("/q").value);
  EXPECT_EQ(read_dir("/q/e")->parent(), inode_of("/q").value);
}

// Every type over every type, in one directory and across two.
TEST_F(RenameTest, replaces_what_may_be_replaced_and_refuses_the_rest) {
  for (const std::string& to : {std::string("/p/b"), std::string("/q/b")}) {
    for (v1::FileType source : kTypes) {
      for (v1::FileType target : kTypes) {
        SCOPED_TRACE(std::to_string(source) + " over " + std::to_string(target) + " at " + to);
        make(source, "/p/a");
        make(target, to);
        InodeId moved = inode_of("/p/a"), replaced = inode_of(to);
        auto reply = rename("/p/a", to);
        bool from_directory = source == v1::FILE_TYPE_DIRECTORY, to_directory = target == v1::FILE_TYPE_DIRECTORY;
        if (from_directory && !to_directory) {
          EXPECT_EQ(error_of(reply), ENOTDIR);
        } else if (!from_directory && to_directory) {
          EXPECT_EQ(error_of(reply), EISDIR);
        } else {
          ASSERT_TRUE(reply);
          EXPECT_EQ(reply->replaced(), replaced.value);
          EXPECT_EQ(inode_of(to), moved);
          EXPECT_EQ(error_of(get_attr(replaced)), ESTALE);
        }
        remove_all();
        EXPECT_EQ(problems(), std::vector<std::string>{});
      }
    }
  }
}

TEST_F(RenameTest, a_directory_that_is_replaced_has_to_be_empty) {
  ASSERT_TRUE(mkdir("/p/d"));
  ASSERT_TRUE(mkdir("/q/e"));
  write_file("/q/e/f", 10);
  EXPECT_EQ(error_of(rename("/p/d", "/q/e")), ENOTEMPTY);
  ASSERT_TRUE(unlink("/q/e/f"));
  EXPECT_TRUE(rename("/p/d", "/q/e"));
  EXPECT_EQ(stat("/q")->nlink(), 3u);
  EXPECT_EQ(stat("/p")->nlink(), 2u);
}

TEST_F(RenameTest, refuses_to_move_a_directory_below_itself) {
  ASSERT_TRUE(mkdir("/p/a"));
  ASSERT_TRUE(mkdir("/p/a/b"));
  ASSERT_TRUE(mkdir("/p/a/b/c"));
  EXPECT_EQ(error_of(rename("/p/a", "/p/a/x")), EINVAL);
  EXPECT_EQ(error_of(rename("/p/a", "/p/a/b/c/x")), EINVAL);
  EXPECT_EQ(error_of(rename("/p/a", "/p/a/b")), EINVAL);
  EXPECT_EQ(error_of(exchange("/p/a", "/p/a/b")), EINVAL);
  EXPECT_EQ(error_of(exchange("/p/a/b/c", "/p/a")), EINVAL);
  EXPECT_EQ(error_of(rename("/p/a/b/c", "/p/a")), ENOTEMPTY);
  EXPECT_EQ(error_of(rename("/p/a/b", "/p/a")), ENOTEMPTY);
  write_file("/p/a/f", 1);
  EXPECT_EQ(error_of(rename("/p/a/f", "/p/a")), ENOTEMPTY) << "before EISDIR";
  EXPECT_EQ(error_of(rename("/p/a/b/c", "/p/a/c")), 0);
}

TEST_F(RenameTest, two_names_of_one_file_both_stay) {
  write_file("/p/a", 10);
  ASSERT_TRUE(link("/p/a", "/p/b"));
  ASSERT_TRUE(link("/p/a", "/q/c"));
  tick();
  auto reply = rename("/p/a", "/p/b");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->replaced(), 0u);
  EXPECT_TRUE(rename("/p/a", "/q/c"));
  EXPECT_TRUE(rename("/p/a", "/p/a"));
  EXPECT_EQ(stat("/p/a")->nlink(), 3u);
  EXPECT_LT(stat("/p")->mtime_ns(), now_ns());
}

TEST_F(RenameTest, over_one_of_several_names_leaves_the_others) {
  write_file("/p/a", 10);
  write_file("/p/b", 20);
  ASSERT_TRUE(link("/p/b", "/p/c"));
  tick();
  ASSERT_TRUE(rename("/p/a", "/p/b"));
  EXPECT_EQ(stat("/p/c")->nlink(), 1u);
  EXPECT_EQ(stat("/p/c")->ctime_ns(), now_ns());
  EXPECT_EQ(stat("/p/b")->size(), 10u);
}

TEST_F(RenameTest, an_open_file_that_is_replaced_goes_on) {
  auto opened = create("/p/b", 0644, v1::ACCESS_WRITE, 100);
  ASSERT_TRUE(opened);
  write_file("/p/a", 10);
  InodeId replaced = inode_of("/p/b");
  ASSERT_TRUE(rename("/p/a", "/p/b"));
  EXPECT_EQ(get_attr(replaced)->nlink(), 0u);
  auto reply = commit(HandleId{opened->handle()}, {extent(0, 50, opened->grants(0).object())});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->attr().size(), 50u);
  ASSERT_TRUE(close(HandleId{opened->handle()}));
  reclaim();
  EXPECT_EQ(error_of(get_attr(replaced)), ESTALE);
}

TEST_F(RenameTest, an_open_file_that_moves_keeps_its_handle) {
  auto opened = create("/p/a", 0644, v1::ACCESS_WRITE, 100);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(rename("/p/a", "/q/a"));
  ASSERT_TRUE(commit(HandleId{opened->handle()}, {extent(0, 50, opened->grants(0).object())}, true));
  EXPECT_EQ(stat("/q/a")->size(), 50u);
}

TEST_F(RenameTest, no_replace_refuses_an_occupied_name) {
  write_file("/p/a", 10);
  write_file("/p/b", 10);
  EXPECT_EQ(error_of(rename_no_replace("/p/a", "/p/b")), EEXIST);
  EXPECT_EQ(error_of(rename_no_replace("/p/a", "/p/a")), EEXIST);
  EXPECT_TRUE(rename_no_replace("/p/a", "/q/a"));
  EXPECT_EQ(error_of(rename_no_replace("/p/x", "/p/y")), ENOENT);
}

TEST_F(RenameTest, exchange_swaps_any_two_types) {
  for (const std::string& to : {std::string("/p/b"), std::string("/q/b")}) {
    for (v1::FileType source : kTypes) {
      for (v1::FileType target : kTypes) {
        make(source, "/p/a");
        make(target, to);
        InodeId first = inode_of("/p/a"), second = inode_of(to);
        tick();
        auto reply = exchange("/p/a", to);
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->replaced(), 0u);
        EXPECT_EQ(inode_of("/p/a"), second);
        EXPECT_EQ(inode_of(to), first);
        EXPECT_EQ(stat(to)->ctime_ns(), now_ns());
        EXPECT_EQ(stat("/p/a")->ctime_ns(), now_ns());
        EXPECT_EQ(stat("/p")->mtime_ns(), now_ns());
        EXPECT_EQ(problems(), std::vector<std::string>{});
        remove_all();
      }
    }
  }
  make(v1::FILE_TYPE_REGULAR, "/p/a");
  EXPECT_EQ(error_of(exchange("/p/a", "/p/none")), ENOENT);
  EXPECT_EQ(error_of(exchange("/p/none", "/p/a")), ENOENT);
  EXPECT_TRUE(exchange("/p/a", "/p/a"));
}

TEST_F(RenameTest, full_directories_may_be_exchanged) {
  ASSERT_TRUE(mkdir("/p/d"));
  write_file("/p/d/one", 1);
  ASSERT_TRUE(mkdir("/q/d"));
  write_file("/q/d/two", 2);
  ASSERT_TRUE(exchange("/p/d", "/q/d"));
  EXPECT_EQ(names("/p/d"), std::vector<std::string>{"two"});
  EXPECT_EQ(names("/q/d"), std::vector<std::string>{"one"});
}

TEST_F(RenameTest, flags_names_and_places_that_make_no_sense) {
  write_file("/p/a", 10);
  v1::RenameRequest request;
  request.set_parent(inode_of("/p").value);
  request.set_name("a");
  request.set_new_parent(inode_of("/q").value);
  request.set_new_name("b");
  request.set_no_replace(true);
  request.set_exchange(true);
  EXPECT_EQ(error_of(run(ops::rename, request)), EINVAL);
  std::string too_long = "/p/" + std::string(256, 'x');
  EXPECT_EQ(error_of(rename("/p/a", too_long)), ENAMETOOLONG);
  EXPECT_EQ(error_of(rename(too_long, "/p/a")), ENAMETOOLONG);
  EXPECT_EQ(error_of(rename("/p/none", "/p/b")), ENOENT);
  EXPECT_EQ(error_of(rename("/p/a/x", "/p/b")), ENOTDIR);
  EXPECT_EQ(error_of(rename("/p/a", "/p/a/x")), ENOTDIR);
  request.set_exchange(false);
  request.set_new_parent(99);
  EXPECT_EQ(error_of(run(ops::rename, request)), ESTALE);
}

TEST_F(RenameTest, both_directories_have_to_be_writable) {
  write_file("/p/a", 10);
  write_file("/q/b", 10);
  struct Case {
    uint32_t from_mode, to_mode;
    int error;
  };
  for (auto [from_mode, to_mode, error] : {Case{0555, 0777, EACCES}, Case{0777, 0555, EACCES}, Case{0666, 0777, EACCES},
                                           Case{0777, 0666, EACCES}, Case{0777, 0777, 0}}) {
    ASSERT_TRUE(chmod("/p", from_mode));
    ASSERT_TRUE(chmod("/q", to_mode));
    as = user(5, 5);
    EXPECT_EQ(error_of(exchange("/p/a", "/q/b")), error);
    EXPECT_EQ(error_of(rename("/p/a", "/q/b")), error);
    as = root();
  }
}

TEST_F(RenameTest, a_directory_that_changes_its_parent_has_to_be_writable) {
  ASSERT_TRUE(mkdir("/p/d", 0755));
  ASSERT_TRUE(mkdir("/q/e", 0755));
  ASSERT_TRUE(chmod("/p", 0777));
  ASSERT_TRUE(chmod("/q", 0777));
  as = user(5, 5);
  EXPECT_EQ(error_of(rename("/p/d", "/q/d")), EACCES);
  EXPECT_EQ(error_of(rename("/p/d", "/p/x")), 0);
  as = root();
  ASSERT_TRUE(chmod("/p/x", 0777));
  as = user(5, 5);
  EXPECT_EQ(error_of(exchange("/p/x", "/q/e")), EACCES);
  EXPECT_EQ(error_of(rename("/p/x", "/q/x")), 0);
}

// Owners of the two directories and the two files, who renames, and whether it may.
TEST_F(RenameTest, sticky_directories_protect_both_sides) {
  for (uint32_t from_owner : {5u, 6u}) {
    for (uint32_t source_owner : {5u, 6u}) {
      for (uint32_t to_owner : {5u, 6u}) {
        for (uint32_t target_owner : {5u, 6u, 0u}) {  // 0: there is no target
          for (v1::FileType type : {v1::FILE_TYPE_REGULAR, v1::FILE_TYPE_DIRECTORY}) {
            make(type, "/p/a");
            ASSERT_TRUE(chown("/p/a", source_owner, 0));
            ASSERT_TRUE(chmod("/p/a", 0777));
            if (target_owner != 0) {
              make(type, "/q/b");
              ASSERT_TRUE(chown("/q/b", target_owner, 0));
            }
            ASSERT_TRUE(chmod("/p", 01777));
            ASSERT_TRUE(chmod("/q", 01777));
            ASSERT_TRUE(chown("/p", from_owner, 0));
            ASSERT_TRUE(chown("/q", to_owner, 0));
            as = user(5, 5);
            bool may_take = from_owner == 5 || source_owner == 5;
            bool may_replace = target_owner == 0 || to_owner == 5 || target_owner == 5;
            EXPECT_EQ(error_of(rename("/p/a", "/q/b")), may_take && may_replace ? 0 : EPERM)
                << from_owner << source_owner << to_owner << target_owner;
            as = root();
            remove_all();
          }
        }
      }
    }
  }
}

TEST_F(RenameTest, nothing_moves_into_or_out_of_a_removed_tree) {
  ASSERT_TRUE(mkdir("/p/t"));
  ASSERT_TRUE(mkdir("/p/t/d"));
  write_file("/p/t/f", 10);
  write_file("/q/f", 10);
  v1::RenameRequest in;
  in.set_parent(inode_of("/q").value);
  in.set_name("f");
  in.set_new_parent(inode_of("/p/t/d").value);
  in.set_new_name("f");
  v1::RenameRequest out;
  out.set_parent(inode_of("/p/t").value);
  out.set_name("d");
  out.set_new_parent(inode_of("/q").value);
  out.set_new_name("d");
  ASSERT_TRUE(remove_tree("/p/t"));
  EXPECT_EQ(error_of(run(ops::rename, in)), ENOENT);
  EXPECT_EQ(error_of(run(ops::rename, out)), ENOENT);
  reclaim();
  EXPECT_EQ(count("I"), 4u);
}

}  // namespace
}  // namespace forebay::master
