// What every FileSystem does. Instantiated by the test of each implementation with a type that has
//   FileSystem& files();      a process
//   FileSystem& others();     another process on the same machine
//   std::string directory();  an empty directory, removed with the object
//   Result<int> duplicate(int descriptor);  as passing it to another process does
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "os/file.h"

namespace forebay::os {

template <class World>
class FileContract : public ::testing::Test {
 protected:
  FileSystem& files() { return world_.files(); }
  std::string at(const std::string& name) { return world_.directory() + "/" + name; }

  std::unique_ptr<File> open(const std::string& name, OpenMode mode) {
    Result<std::unique_ptr<File>> file = files().open(at(name), mode);
    EXPECT_TRUE(file) << file.error().to_string();
    return file ? *std::move(file) : nullptr;
  }
  void write(const std::string& name, const std::string& text) {
    auto file = open(name, OpenMode::kCreate);
    EXPECT_TRUE(file->truncate(0));
    EXPECT_TRUE(file->write_at(as_bytes(text), 0));
  }
  std::string read(const std::string& name) {
    Result<std::string> text = files().read_whole(at(name), 1 << 20);
    return text ? *text : text.error().to_string();
  }
  template <class T>
  int error_of(const Result<T>& result) {
    return result ? 0 : result.error().error();
  }
  std::vector<std::string> names(const std::string& directory) {
    std::vector<std::string> names;
    auto listed = files().list(directory, [&](const DirectoryEntry& entry) {
      names.push_back(entry.name + (entry.is_directory ? "/" : ""));
      return true;
    });
    EXPECT_TRUE(listed);
    std::ranges::sort(names);
    return names;
  }

  World world_;
};

TYPED_TEST_SUITE_P(FileContract);

TYPED_TEST_P(FileContract, reads_back_what_was_written_at_any_offset) {
  auto file = this->open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(as_bytes("world"), 10'000));
  ASSERT_TRUE(file->write_at(as_bytes("hello"), 3));
  EXPECT_EQ(*file->size(), 10'005u);
  std::string all(10'005, 'x');
  EXPECT_EQ(*file->read_at(std::as_writable_bytes(std::span(all)), 0), 10'005u);
  EXPECT_EQ(all, std::string(3, '\0') + "hello" + std::string(10'000 - 8, '\0') + "world");
}

TYPED_TEST_P(FileContract, reads_short_only_at_the_end) {
  this->write("a", "12345");
  auto file = this->open("a", OpenMode::kRead);
  std::string into(10, 'x');
  EXPECT_EQ(*file->read_at(std::as_writable_bytes(std::span(into)), 2), 3u);
  EXPECT_EQ(*file->read_at(std::as_writable_bytes(std::span(into)), 5), 0u);
  EXPECT_EQ(*file->read_at(std::as_writable_bytes(std::span(into)), 500), 0u);
}

TYPED_TEST_P(FileContract, opens_as_the_mode_says) {
  EXPECT_EQ(this->error_of(this->files().open(this->at("a"), OpenMode::kRead)), ENOENT);
  EXPECT_EQ(this->error_of(this->files().open(this->at("a"), OpenMode::kReadWrite)), ENOENT);
  this->open("a", OpenMode::kCreate);
  EXPECT_EQ(this->error_of(this->files().open(this->at("a"), OpenMode::kCreateNew)), EEXIST);
  EXPECT_EQ(this->error_of(this->files().open(this->at("no/a"), OpenMode::kCreate)), ENOENT);
  EXPECT_EQ(this->error_of(this->files().open(this->at("a/b"), OpenMode::kCreate)), ENOTDIR);
  EXPECT_EQ(this->error_of(this->files().open(this->at(std::string(256, 'n')), OpenMode::kCreate)), ENAMETOOLONG);
  EXPECT_EQ(this->error_of(this->files().open(this->at("."), OpenMode::kRead)), EISDIR);
  EXPECT_EQ(this->error_of(this->files().open(this->at("."), OpenMode::kReadWrite)), EISDIR);
}

TYPED_TEST_P(FileContract, refuses_to_write_through_a_handle_for_reading) {
  this->write("a", "x");
  auto file = this->open("a", OpenMode::kRead);
  Result<void> written = file->write_at(as_bytes("y"), 0);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().error(), EBADF);
  EXPECT_EQ(this->read("a"), "x");
}

TYPED_TEST_P(FileContract, says_which_path_failed) {
  Result<std::unique_ptr<File>> file = this->files().open(this->at("missing"), OpenMode::kRead);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Code::kRejected);
  EXPECT_NE(file.error().message().find(this->at("missing")), std::string::npos);
}

TYPED_TEST_P(FileContract, truncates_and_grows_with_zeros) {
  auto file = this->open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(as_bytes("123456789"), 0));
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->truncate(8));
  EXPECT_EQ(this->read("a"), std::string("1234\0\0\0\0", 8));
}

TYPED_TEST_P(FileContract, cutting_at_the_present_size_returns_what_was_reserved_behind_it) {
  auto file = this->open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(as_bytes("abc"), 0));
  ASSERT_TRUE(file->allocate(0, 1 << 20));
  ASSERT_TRUE(file->truncate(3));
  EXPECT_EQ(*file->size(), 3u);
  EXPECT_LE(*file->allocated_bytes(), 64u << 10);
}

TYPED_TEST_P(FileContract, reserves_space_without_changing_the_size) {
  auto file = this->open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(as_bytes("1"), 0));
  ASSERT_TRUE(file->allocate(0, 1 << 20));
  EXPECT_EQ(*file->size(), 1u);
  EXPECT_GE(*file->allocated_bytes(), 1u << 20);
  ASSERT_TRUE(file->truncate(1));
}

TYPED_TEST_P(FileContract, keeps_an_open_file_readable_after_removal) {
  this->write("a", "still here");
  auto file = this->open("a", OpenMode::kRead);
  ASSERT_TRUE(this->files().remove(this->at("a")));
  EXPECT_FALSE(*this->files().exists(this->at("a")));
  std::string into(10, ' ');
  EXPECT_EQ(*file->read_at(std::as_writable_bytes(std::span(into)), 0), 10u);
  EXPECT_EQ(into, "still here");
}

TYPED_TEST_P(FileContract, makes_directories_and_removes_only_empty_ones) {
  ASSERT_TRUE(this->files().make_directories(this->at("a/b/c")));
  ASSERT_TRUE(this->files().make_directories(this->at("a/b")));
  this->write("a/b/f", "");
  EXPECT_EQ(this->names(this->at("a/b")), (std::vector<std::string>{"c/", "f"}));
  EXPECT_EQ(this->error_of(this->files().remove(this->at("a"))), ENOTEMPTY);
  ASSERT_TRUE(this->files().remove(this->at("a/b/c")));
  ASSERT_TRUE(this->files().remove(this->at("a/b/f")));
  ASSERT_TRUE(this->files().remove(this->at("a/b")));
  EXPECT_EQ(this->error_of(this->files().remove(this->at("a/b"))), ENOENT);
  this->write("file", "");
  EXPECT_EQ(this->error_of(this->files().make_directories(this->at("file/x"))), ENOTDIR);
  EXPECT_EQ(this->error_of(this->files().make_directories(this->at("file"))), ENOTDIR);
}

TYPED_TEST_P(FileContract, renames_over_a_file) {
  this->write("a", "new");
  this->write("b", "old");
  ASSERT_TRUE(this->files().rename(this->at("a"), this->at("b")));
  EXPECT_FALSE(*this->files().exists(this->at("a")));
  EXPECT_EQ(this->read("b"), "new");
  EXPECT_EQ(this->error_of(this->files().rename(this->at("a"), this->at("b"))), ENOENT);
  ASSERT_TRUE(this->files().rename(this->at("b"), this->at("b")));
  EXPECT_EQ(this->read("b"), "new");
}

TYPED_TEST_P(FileContract, refuses_renames_that_make_no_tree) {
  ASSERT_TRUE(this->files().make_directories(this->at("a/b")));
  ASSERT_TRUE(this->files().make_directories(this->at("full/x")));
  this->write("f", "");
  EXPECT_EQ(this->error_of(this->files().rename(this->at("a"), this->at("a/b/c"))), EINVAL);
  EXPECT_EQ(this->error_of(this->files().rename(this->at("a"), this->at("f"))), ENOTDIR);
  EXPECT_EQ(this->error_of(this->files().rename(this->at("f"), this->at("a"))), EISDIR);
  EXPECT_EQ(this->error_of(this->files().rename(this->at("a"), this->at("full"))), ENOTEMPTY);
  ASSERT_TRUE(this->files().rename(this->at("full/x"), this->at("a/b")));  // over an empty directory
  EXPECT_EQ(this->names(this->at("full")), (std::vector<std::string>{}));
}

TYPED_TEST_P(FileContract, stops_listing_when_told_and_allows_changes_meanwhile) {
  for (int i = 0; i < 50; ++i) this->write("f" + std::to_string(i), "");
  int seen = 0;
  ASSERT_TRUE(this->files().list(this->at("."), [&](const DirectoryEntry&) { return ++seen < 10; }));
  EXPECT_EQ(seen, 10);
  ASSERT_TRUE(this->files().list(this->at("."), [&](const DirectoryEntry& entry) {
    EXPECT_TRUE(this->files().remove(this->at(entry.name)));
    return true;
  }));
  EXPECT_EQ(this->names(this->at(".")), (std::vector<std::string>{}));
  EXPECT_EQ(this->error_of(this->files().list(this->at("none"), [](const DirectoryEntry&) { return true; })), ENOENT);
}

TYPED_TEST_P(FileContract, writes_whole_files_atomically_and_reads_them_within_a_limit) {
  ASSERT_TRUE(this->files().write_whole(this->at("id"), as_bytes("a longer first content")));
  ASSERT_TRUE(this->files().write_whole(this->at("id"), as_bytes("second")));
  EXPECT_EQ(*this->files().read_whole(this->at("id"), 6), "second");
  EXPECT_EQ(this->names(this->at(".")), (std::vector<std::string>{"id"}));
  Result<std::string> too_long = this->files().read_whole(this->at("id"), 5);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code(), Code::kInvalid);
  EXPECT_EQ(too_long.error().error(), EFBIG);
  EXPECT_EQ(this->error_of(this->files().read_whole(this->at("none"), 5)), ENOENT);
}

TYPED_TEST_P(FileContract, locks_exclude_other_holders_until_released) {
  Result<std::unique_ptr<File>> first = this->files().lock(this->at("lock"));
  ASSERT_TRUE(first);
  EXPECT_EQ(this->error_of(this->files().lock(this->at("lock"))), EWOULDBLOCK);
  EXPECT_EQ(this->error_of(this->world_.others().lock(this->at("lock"))), EWOULDBLOCK);
  first->reset();
  EXPECT_TRUE(this->world_.others().lock(this->at("lock")));
}

TYPED_TEST_P(FileContract, syncs_files_and_directories) {
  auto file = this->open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(as_bytes("x"), 0));
  EXPECT_TRUE(file->sync_data());
  EXPECT_TRUE(this->files().sync_directory(this->at(".")));
  EXPECT_EQ(this->error_of(this->files().sync_directory(this->at("none"))), ENOENT);
  EXPECT_EQ(this->error_of(this->files().sync_directory(this->at("a"))), ENOTDIR);
}

TYPED_TEST_P(FileContract, tells_and_changes_status) {
  this->write("a", "12345");
  FileStatus before = *this->files().status(this->at("a"));
  EXPECT_NE(before.inode, 0u);
  EXPECT_EQ(before.size, 5u);
  EXPECT_EQ(before.mode, 0600u);
  EXPECT_TRUE(before.is_regular);
  auto file = this->open("a", OpenMode::kReadWrite);
  EXPECT_EQ(*file->status(), before);
  ASSERT_TRUE(this->files().change_status(this->at("a"), {.mode = 0640, .mtime_ns = 1'600'000'000'123'456'789}));
  EXPECT_TRUE(file->sync_all());
  FileStatus after = *file->status();
  EXPECT_EQ(after.mode, 0640u);
  EXPECT_EQ(after.mtime_ns, 1'600'000'000'123'456'789);
  EXPECT_EQ(after.inode, before.inode);
  ASSERT_TRUE(file->write_at(as_bytes("x"), 0));
  EXPECT_NE(file->status()->mtime_ns, after.mtime_ns);
  EXPECT_TRUE(this->files().status(this->at("."))->is_directory);
  EXPECT_EQ(this->error_of(this->files().status(this->at("none"))), ENOENT);
  EXPECT_EQ(this->error_of(this->files().change_status(this->at("none"), {.mode = 0600})), ENOENT);
}

TYPED_TEST_P(FileContract, keeps_the_inode_in_a_rename_and_links_only_to_free_names) {
  this->write("a", "first");
  const uint64_t inode = this->files().status(this->at("a"))->inode;
  ASSERT_TRUE(this->files().rename(this->at("a"), this->at("b")));
  EXPECT_EQ(this->files().status(this->at("b"))->inode, inode);
  ASSERT_TRUE(this->files().link(this->at("b"), this->at("c")));
  EXPECT_EQ(this->files().status(this->at("c"))->inode, inode);
  this->write("d", "second");
  EXPECT_EQ(this->error_of(this->files().link(this->at("d"), this->at("c"))), EEXIST);
  EXPECT_EQ(this->error_of(this->files().link(this->at("none"), this->at("e"))), ENOENT);
  ASSERT_TRUE(this->files().remove(this->at("b")));
  EXPECT_EQ(this->read("c"), "first");
}

TYPED_TEST_P(FileContract, keeps_extended_attributes_with_the_file) {
  this->write("a", "x");
  EXPECT_EQ(this->error_of(this->files().attribute(this->at("a"), "user.test")), ENODATA);
  ASSERT_TRUE(this->files().set_attribute(this->at("a"), "user.test", "value"));
  ASSERT_TRUE(this->files().set_attribute(this->at("a"), "user.test", "newer"));
  ASSERT_TRUE(this->files().rename(this->at("a"), this->at("b")));
  EXPECT_EQ(*this->files().attribute(this->at("b"), "user.test"), "newer");
  EXPECT_EQ(this->error_of(this->files().attribute(this->at("none"), "user.test")), ENOENT);
}

TYPED_TEST_P(FileContract, tells_space) {
  Result<Space> space = this->files().space(this->at("."));
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

TYPED_TEST_P(FileContract, adopts_a_passed_descriptor) {
  this->write("a", "shared");
  auto file = this->open("a", OpenMode::kReadWrite);
  Result<int> passed = this->world_.duplicate(file->descriptor());
  ASSERT_TRUE(passed);
  Result<std::unique_ptr<File>> adopted = this->world_.others().adopt(*passed);
  ASSERT_TRUE(adopted);
  file.reset();
  ASSERT_TRUE((*adopted)->write_at(as_bytes("S"), 0));
  EXPECT_EQ(this->read("a"), "Shared");
  EXPECT_EQ(this->error_of(this->files().adopt(987'654)), EBADF);
}

TYPED_TEST_P(FileContract, tells_stored_ranges_from_holes) {
  auto file = this->open("sparse", OpenMode::kCreateNew);
  EXPECT_EQ(file->next_stored(0).value(), std::nullopt);
  const std::string block(64 << 10, 'x');
  ASSERT_TRUE(file->write_at(as_bytes(block), 128 << 10));
  ASSERT_TRUE(file->truncate(1 << 20));
  EXPECT_EQ(file->next_stored(0).value(), (StoredRange{128 << 10, 192 << 10}));
  EXPECT_EQ(file->next_stored(130 << 10).value(), (StoredRange{130 << 10, 192 << 10}));
  EXPECT_EQ(file->next_stored(192 << 10).value(), std::nullopt);
  EXPECT_EQ(file->next_stored(2 << 20).value(), std::nullopt);
  ASSERT_TRUE(file->truncate((128 << 10) + 100));
  EXPECT_EQ(file->next_stored(0).value(), (StoredRange{128 << 10, (128 << 10) + 100}));
}

TYPED_TEST_P(FileContract, knows_whether_somebody_can_write_a_file) {
  auto writer = this->open("written", OpenMode::kCreateNew);
  auto reader = this->open("written", OpenMode::kRead);
  EXPECT_TRUE(reader->has_writers().value());
  writer.reset();
  EXPECT_FALSE(reader->has_writers().value());
  auto other = this->open("written", OpenMode::kRead);
  EXPECT_FALSE(reader->has_writers().value()) << "readers are none";
  writer = this->open("written", OpenMode::kReadWrite);
  EXPECT_TRUE(other->has_writers().value());
  ASSERT_TRUE(this->files().remove(this->at("written")));
  EXPECT_TRUE(reader->has_writers().value()) << "also of one that has no name any more";
}

REGISTER_TYPED_TEST_SUITE_P(FileContract, tells_stored_ranges_from_holes, knows_whether_somebody_can_write_a_file,
                            reads_back_what_was_written_at_any_offset, reads_short_only_at_the_end, opens_as_the_mode_says,
                            refuses_to_write_through_a_handle_for_reading, says_which_path_failed, truncates_and_grows_with_zeros,
                            cutting_at_the_present_size_returns_what_was_reserved_behind_it,
                            reserves_space_without_changing_the_size, keeps_an_open_file_readable_after_removal,
                            makes_directories_and_removes_only_empty_ones, renames_over_a_file, refuses_renames_that_make_no_tree,
                            stops_listing_when_told_and_allows_changes_meanwhile,
                            writes_whole_files_atomically_and_reads_them_within_a_limit,
                            locks_exclude_other_holders_until_released, syncs_files_and_directories, tells_and_changes_status,
                            keeps_the_inode_in_a_rename_and_links_only_to_free_names, keeps_extended_attributes_with_the_file,
                            tells_space, adopts_a_passed_descriptor);

}  // namespace forebay::os
