// Changing what is below a mount point.
#include "client/under_path/under_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

class UnderWriteTest : public UnderPathTest {
 protected:
  std::unique_ptr<File> make(InodeId directory, const std::string& name, bool exclusive = false) {
    auto created = run(client->create({}, directory, name, 0644, {.read = false, .write = true, .truncate = true}, exclusive));
    EXPECT_TRUE(created) << created.error().to_string();
    return created ? std::move(created->file) : nullptr;
  }
  std::string content(const std::string& key) {
    auto object = store.objects.find(key);
    return object == store.objects.end() ? "(nothing)" : object->second.content;
  }
  template <class T>
  static int error_of_result(const Result<T>& result) {
    return result ? 0 : to_errno(result.error());
  }
};

TEST_F(UnderWriteTest, an_object_is_there_when_it_is_closed_and_not_before) {
  start();
  const std::string text = pattern(3 * kMiB + 5, 1);
  const auto file = make(kMountRoot, "a");
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 2 * kMiB)));
  ASSERT_OK(write(*file, 2 * kMiB, std::string_view(text).substr(2 * kMiB)));
  EXPECT_EQ(content("a"), "(nothing)");
  // By those who write it here it is seen as it is.
  EXPECT_EQ(attr("/s3/a").size(), text.size());
  EXPECT_EQ(attr("/s3/a").inode(), file->inode().value);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(content("a"), text);
  EXPECT_TRUE(store.uploads.empty());
  EXPECT_NE(attr("/s3/a").inode(), file->inode().value);
  EXPECT_EQ(must_read(*open_path("/s3/a"), 0, text.size()), text);
}

TEST_F(UnderWriteTest, an_empty_file_and_one_that_is_emptied_are_there) {
  store.put("b", "full");
  start();
  ASSERT_OK(run(make(kMountRoot, "a")->close()));
  EXPECT_EQ(content("a"), "");
  ASSERT_OK(run(make(kMountRoot, "b")->close()));
  EXPECT_EQ(content("b"), "");
  v1::MakeNodeRequest node;
  node.set_parent(kMountRoot.value);
  node.set_name("c");
  node.set_type(v1::FILE_TYPE_REGULAR);
  EXPECT_TRUE(run(client->make_node({}, node)));
  EXPECT_EQ(content("c"), "");
}

TEST_F(UnderWriteTest, what_is_written_after_a_flush_follows_what_was_there) {
  start();
  const auto file = make(kMountRoot, "a");
  ASSERT_OK(run(file->flush()));  // as a shell does that duplicates the descriptor first
  EXPECT_EQ(content("a"), "");
  ASSERT_OK(write(*file, 0, "one "));
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(content("a"), "one ");
  ASSERT_OK(append(*file, "two"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(content("a"), "one two");
  const auto more = open(InodeId{attr("/s3/a").inode()}, {.read = false, .write = true, .append = true});
  ASSERT_OK(append(*more, " three"));
  ASSERT_OK(run(more->close()));
  EXPECT_EQ(content("a"), "one two three");
}

TEST_F(UnderWriteTest, what_is_being_written_is_read_when_it_has_been_flushed) {
  start();
  const auto file = make(kMountRoot, "a");
  ASSERT_OK(write(*file, 0, "bytes"));
  EXPECT_EQ(error_of_result(run(client->open({}, file->inode(), {}))), ETXTBSY);
  ASSERT_OK(run(file->flush()));
  // The number it had meanwhile is no object's: whoever has it asks for the name again. The handle is still open.
  EXPECT_EQ(error_of_result(run(client->open({}, file->inode(), {}))), ESTALE);
  EXPECT_EQ(must_read(*open_path("/s3/a"), 0, 10), "bytes");
  ASSERT_OK(run(file->close()));
}

TEST_F(UnderWriteTest, bytes_at_another_place_are_refused_with_a_clear_error_and_change_nothing) {
  store.put("a", "0123456789");
  start();
  const auto file = open(InodeId{attr("/s3/a").inode()}, {.read = true, .write = true});
  EXPECT_EQ(error_of_result(write(*file, 5, "x")), EOPNOTSUPP);
  EXPECT_EQ(error_of_result(run(file->truncate(5))), EOPNOTSUPP);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(content("a"), "0123456789");
}

TEST_F(UnderWriteTest, a_failure_is_told_by_write_or_close_and_stays) {
  start();
  const auto file = make(kMountRoot, "a");
  ASSERT_OK(write(*file, 0, "bytes"));
  for (auto& fake : workers)
    fake->always("end_under_upload", [] { return std::optional(rejected(ENOSPC, "the store is full").error()); });
  EXPECT_EQ(error_of_result(run(file->flush())), ENOSPC);
  for (auto& fake : workers) fake->always("end_under_upload", nullptr);
  EXPECT_EQ(error_of_result(write(*file, 5, "more")), ENOSPC);
  EXPECT_EQ(error_of_result(run(file->close())), ENOSPC);
  EXPECT_EQ(content("a"), "(nothing)");
}

TEST_F(UnderWriteTest, a_worker_that_dies_in_the_middle_fails_the_write_and_leaves_the_old_object) {
  store.put("a", "old");
  start();
  const auto file = make(kMountRoot, "a");
  ASSERT_OK(write(*file, 0, "new bytes"));
  const uint64_t upload = store.uploads.begin()->first;
  store.uploads.erase(upload);  // as a worker that was restarted
  const Result<void> closed = run(file->close());
  EXPECT_EQ(error_of_result(closed), ESTALE) << (closed ? "" : closed.error().to_string());
  EXPECT_EQ(content("a"), "old");
}

TEST_F(UnderWriteTest, a_lost_answer_is_asked_for_again_and_nothing_is_written_twice) {
  start();
  const auto file = make(kMountRoot, "a");
  for (auto& fake : workers) fake->lose_reply("write_under_upload");
  ASSERT_OK(write(*file, 0, "once"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(content("a"), "once");
}

TEST_F(UnderWriteTest, what_somebody_else_wrote_meanwhile_is_not_overwritten_when_it_should_not_be_there) {
  start();
  const auto file = make(kMountRoot, "a", true);
  ASSERT_OK(write(*file, 0, "mine"));
  store.put("a", "theirs");
  EXPECT_EQ(error_of_result(run(file->close())), ESTALE);
  EXPECT_EQ(content("a"), "theirs");
}

TEST_F(UnderWriteTest, an_exclusive_create_of_what_is_there_is_refused) {
  store.put("a", "x");
  start();
  auto created = run(client->create({}, kMountRoot, "a", 0644, {.write = true}, true));
  EXPECT_EQ(error_of_result(created), EEXIST);
}

TEST_F(UnderWriteTest, names_are_made_moved_and_removed) {
  store.put("d/a", "x");
  store.put("d/e/b", "y");
  start();
  const InodeId directory{attr("/s3/d").inode()};
  v1::RenameRequest rename;
  rename.set_parent(directory.value);
  rename.set_name("a");
  rename.set_new_parent(kMountRoot.value);
  rename.set_new_name("moved");
  ASSERT_OK(run(client->rename({}, rename)));
  EXPECT_EQ(content("moved"), "x");
  rename.set_new_parent(kRootInode.value);
  EXPECT_EQ(error_of_result(run(client->rename({}, rename))), EXDEV);
  rename.set_new_parent(kMountRoot.value);
  rename.set_name("e");
  EXPECT_EQ(error_of_result(run(client->rename({}, rename))), ENOTDIR);
  rename.set_new_name("other");
  EXPECT_EQ(error_of_result(run(client->rename({}, rename))), EXDEV);  // a directory of a store without renames
  EXPECT_EQ(error_of_result(run(client->remove_dir({}, kMountRoot, "d"))), ENOTEMPTY);
  EXPECT_EQ(error_of_result(run(client->unlink({}, kMountRoot, "d"))), EISDIR);
  EXPECT_EQ(error_of_result(run(client->remove_dir({}, kMountRoot, "moved"))), ENOTDIR);
  ASSERT_OK(run(client->unlink({}, kMountRoot, "moved")));
  EXPECT_EQ(content("moved"), "(nothing)");
  EXPECT_EQ(error_of_result(run(client->unlink({}, kMountRoot, "moved"))), ENOENT);
  ASSERT_OK(run(client->remove_tree({}, kMountRoot, "d")));
  EXPECT_TRUE(store.objects.empty());
}

TEST_F(UnderWriteTest, a_directory_of_a_store_without_directories_is_there_for_whoever_made_it) {
  start();
  auto made = run(client->make_dir({}, kMountRoot, "d", 0755));
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(attr("/s3/d").type(), v1::FILE_TYPE_DIRECTORY);
  EXPECT_EQ(error_of_result(run(client->make_dir({}, kMountRoot, "d", 0755))), EEXIST);
  const auto file = make(InodeId{made->inode()}, "f");
  ASSERT_OK(write(*file, 0, "in it"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(content("d/f"), "in it");
  ASSERT_OK(run(client->unlink({}, InodeId{made->inode()}, "f")));
  ASSERT_OK(run(client->remove_dir({}, kMountRoot, "d")));
  EXPECT_EQ(error_of("/s3/d"), ENOENT);
}

TEST_F(UnderWriteTest, attributes_wait_for_the_object_or_are_set_where_the_store_keeps_them) {
  store.put("a", "x");
  start();
  const auto file = make(kMountRoot, "new");
  v1::SetAttrRequest change;
  change.set_inode(file->inode().value);
  change.set_mode(0600);
  change.set_mtime_ns(77);
  auto set = run(client->set_attr({}, change, file.get()));
  ASSERT_TRUE(set) << set.error().to_string();
  EXPECT_EQ(set->mode(), 0600U);
  EXPECT_TRUE(store.attributes.empty());
  ASSERT_OK(run(file->close()));
  change.set_inode(attr("/s3/a").inode());
  EXPECT_TRUE(run(client->set_attr({}, change, nullptr)));
  ASSERT_EQ(store.attributes.size(), 1U);
  EXPECT_EQ(store.attributes[0].mode(), 0600U);
  store.keeps_attributes = false;
  EXPECT_EQ(error_of_result(run(client->set_attr({}, change, nullptr))), EOPNOTSUPP);
}

TEST_F(UnderWriteTest, a_mount_that_is_for_reading_is_erofs) {
  master().mount_points.front().set_read_only(true);
  store.put("a", "x");
  start();
  EXPECT_EQ(error_of_result(run(client->create({}, kMountRoot, "n", 0644, {.write = true}, false))), EROFS);
  EXPECT_EQ(error_of_result(run(client->unlink({}, kMountRoot, "a"))), EROFS);
  EXPECT_EQ(error_of_result(run(client->make_dir({}, kMountRoot, "d", 0755))), EROFS);
  EXPECT_EQ(error_of_result(run(client->open({}, InodeId{attr("/s3/a").inode()}, {.write = true}))), EROFS);
}

TEST_F(UnderWriteTest, only_those_who_may_write_do) {
  store.put("d/a", "x");
  start();
  const Identity group{.uid = 1001, .gid = 1001, .groups = {8}, .trace = {}};
  const InodeId directory{attr("/s3/d").inode()}, file{attr("/s3/d/a").inode()};
  EXPECT_EQ(error_of_result(run(client->unlink(group, directory, "a"))), EACCES);
  EXPECT_EQ(error_of_result(run(client->open(group, file, {.write = true}))), EACCES);
}

}  // namespace
}  // namespace forebay::client
