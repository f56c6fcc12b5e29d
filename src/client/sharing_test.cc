// Several handles of one file, appends, truncation, attributes.
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

class SharingTest : public ClientTest {};

TEST_F(SharingTest, handles_of_one_file_see_each_others_writes_at_once) {
  start();
  auto one = create("a");
  auto two = open(one->inode(), {.read = true, .write = true});
  ASSERT_OK(write(*one, 0, "one"));
  EXPECT_EQ(must_read(*two, 0, 10), "one");
  ASSERT_OK(write(*two, 1, "TWO"));
  EXPECT_EQ(must_read(*one, 0, 10), "oTWO");
}

TEST_F(SharingTest, every_order_of_closes_commits_everything) {
  start();
  for (bool first_first : {true, false}) {
    const std::string name = first_first ? "a" : "b";
    auto one = create(name);
    auto two = open(one->inode(), {.read = true, .write = true});
    ASSERT_OK(write(*one, 0, "one"));
    ASSERT_OK(write(*two, 3, "two"));
    File& earlier = first_first ? *one : *two;
    File& later = first_first ? *two : *one;
    ASSERT_OK(run(earlier.close()));
    EXPECT_EQ(committed(one->inode()), "onetwo");
    ASSERT_OK(write(later, 6, "three"));
    EXPECT_EQ(must_read(later, 0, 100), "onetwothree");
    ASSERT_OK(run(later.close()));
    EXPECT_EQ(committed(one->inode()), "onetwothree");
  }
  EXPECT_TRUE(master().handles.empty());
  for (const auto& [id, object] : master().objects) EXPECT_TRUE(object.sealed) << id;
}

TEST_F(SharingTest, a_closed_handle_refuses_and_closes_again_with_the_same_answer) {
  start();
  auto file = create("a");
  ASSERT_OK(run(file->close()));
  ASSERT_OK(run(file->close()));
  auto written = write(*file, 0, "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), EBADF);
}

TEST_F(SharingTest, access_is_what_was_opened_for) {
  start();
  auto writer = create("a", {.read = false, .write = true});
  ASSERT_OK(write(*writer, 0, "x"));
  EXPECT_EQ(to_errno(read(*writer, 0, 1).error()), EBADF);
  auto reader = open(writer->inode());
  EXPECT_EQ(to_errno(write(*reader, 0, "y").error()), EBADF);
  EXPECT_EQ(must_read(*reader, 0, 5), "x");
}

TEST_F(SharingTest, appends_go_where_the_file_ends_at_the_master) {
  start();
  auto file = create("a", {.read = true, .write = true, .append = true});
  ASSERT_OK(append(*file, "one"));
  EXPECT_EQ(must_read(*file, 0, 100), "one");
  ASSERT_OK(run(file->flush()));

  // Another client appends: an object that this one does not know.
  FakeMaster::FakeFile& at_master = master().files[file->inode().value];
  const uint64_t object = at_master.extents.all().front().object.value;
  at_master.extents.lay({3, 3, ObjectId{object}, 0});
  at_master.size = 6;
  ++at_master.layout;

  ASSERT_OK(append(*file, "two"));
  EXPECT_EQ(must_read(*file, 0, 100), "onetwo");  // not committed: where it will go is not known
  ASSERT_OK(append(*file, "!"));
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(must_read(*file, 0, 100), "oneonetwo!");
  EXPECT_EQ(committed(file->inode()), "oneonetwo!");
  ASSERT_OK(append(*file, "?"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "oneonetwo!?");
}

TEST_F(SharingTest, a_write_over_appended_bytes_replaces_them) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "base"));
  ASSERT_OK(append(*file, "appended"));
  ASSERT_OK(write(*file, 2, "XXXX"));
  EXPECT_EQ(must_read(*file, 0, 100), "baXXXXpended");
  ASSERT_OK(append(*file, "."));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "baXXXXpended.");
}

TEST_F(SharingTest, truncation_down_and_up_leaves_zeros) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "0123456789"));
  ASSERT_OK(run(file->truncate(4)));
  EXPECT_EQ(must_read(*file, 0, 100), "0123");
  ASSERT_OK(run(file->truncate(8)));
  EXPECT_EQ(must_read(*file, 0, 100), std::string("0123\0\0\0\0", 8));
  ASSERT_OK(write(*file, 6, "x"));
  EXPECT_EQ(must_read(*file, 0, 100), std::string("0123\0\0x\0", 8));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), std::string("0123\0\0x\0", 8));
}

TEST_F(SharingTest, opening_with_truncate_takes_what_was_not_committed) {
  start();
  auto one = create("a");
  ASSERT_OK(write(*one, 0, "old old old"));
  auto two = open(one->inode(), {.read = true, .write = true, .truncate = true});
  EXPECT_EQ(must_read(*one, 0, 100), "");
  ASSERT_OK(write(*two, 0, "new"));
  ASSERT_OK(run(one->close()));
  ASSERT_OK(run(two->close()));
  EXPECT_EQ(committed(one->inode()), "new");
}

TEST_F(SharingTest, creating_over_an_open_file_with_truncate_takes_what_was_not_committed) {
  start();
  auto one = create("a");
  ASSERT_OK(write(*one, 0, "old old old"));
  auto two = create("a", {.read = true, .write = true, .truncate = true});
  EXPECT_EQ(two->inode(), one->inode());
  ASSERT_OK(write(*two, 0, "new"));
  ASSERT_OK(run(one->close()));
  ASSERT_OK(run(two->close()));
  EXPECT_EQ(committed(one->inode()), "new");
}

TEST_F(SharingTest, a_commit_that_arrives_after_a_truncating_open_brings_nothing_back) {
  start();
  for (bool creates : {false, true}) {
    const std::string name = creates ? "a" : "b";
    auto one = create(name);
    ASSERT_OK(write(*one, 0, "old old old"));
    master().delay("commit", std::chrono::seconds(1));
    std::optional<Result<void>> flushed;
    struct Flush {
      static Task<void> run(File* file, std::optional<Result<void>>* result) { *result = co_await file->flush(); }
    };
    async::spawn_detached(world.executor(), Flush::run(one.get(), &flushed));
    world.run_for(std::chrono::milliseconds(100));
    ASSERT_FALSE(flushed);  // on its way
    const OpenFlags flags{.read = true, .write = true, .truncate = true};
    auto two = creates ? create(name, flags) : open(one->inode(), flags);
    ASSERT_TRUE(flushed);
    EXPECT_EQ(must_read(*two, 0, 100), "");
    ASSERT_OK(run(one->close()));
    ASSERT_OK(run(two->close()));
    EXPECT_EQ(committed(one->inode()), "");
  }
}

TEST_F(SharingTest, a_close_that_commits_after_a_truncating_open_brings_nothing_back) {
  start();
  auto one = create("a");
  ASSERT_OK(write(*one, 0, "old old old"));
  master().delay("commit", std::chrono::seconds(1));
  master().delay("open", std::chrono::milliseconds(500));
  struct Close {
    static Task<void> run(File* file) { EXPECT_OK(co_await file->close()); }
  };
  async::spawn_detached(world.executor(), Close::run(one.get()));
  auto two = open(one->inode(), {.read = true, .write = true, .truncate = true});
  ASSERT_OK(run(two->close()));
  EXPECT_EQ(committed(one->inode()), "");
}

TEST_F(SharingTest, a_write_while_another_handle_closes_goes_into_an_object_of_its_own) {
  start();
  auto one = create("a");
  auto two = open(one->inode(), {.read = true, .write = true});
  ASSERT_OK(write(*one, 0, "one"));
  master().delay("commit", std::chrono::seconds(1));
  struct Close {
    static Task<void> run(File* file) { EXPECT_OK(co_await file->close()); }
  };
  async::spawn_detached(world.executor(), Close::run(one.get()));
  world.run_for(std::chrono::milliseconds(100));
  ASSERT_OK(write(*two, 3, "two"));
  ASSERT_OK(run(two->close()));
  EXPECT_EQ(committed(one->inode()), "onetwo");
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(SharingTest, attributes_show_the_size_and_time_of_what_is_not_committed) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 100, "x"));
  auto attr = run(client->get_attr({}, file->inode()));
  ASSERT_OK(attr);
  EXPECT_EQ(attr->size(), 101u);
  EXPECT_GT(attr->mtime_ns(), 0);
  EXPECT_EQ(run(file->attr())->size(), 101u);
  EXPECT_EQ(run(client->lookup({}, kRootInode, "a"))->size(), 101u);
  EXPECT_EQ(master().files[file->inode().value].size, 0u);
}

// An answer of the master may be on its way while a commit overtakes it: with its time the kernel would take bytes for unchanged.
TEST_F(SharingTest, attributes_from_before_a_commit_do_not_take_its_time_and_size_back) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "x"));
  ASSERT_OK(run(file->flush()));
  const auto before = run(client->get_attr({}, file->inode()));
  ASSERT_OK(before);
  world.run_for(std::chrono::seconds(1));
  ASSERT_OK(write(*file, 0, "yz"));
  const auto written = run(client->get_attr({}, file->inode()));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(written);
  EXPECT_GT(written->mtime_ns(), before->mtime_ns());
  const v1::Attr late = client->with_local_changes(*before);
  EXPECT_EQ(late.mtime_ns(), written->mtime_ns());
  EXPECT_EQ(late.size(), 2u);
  v1::SetAttrRequest change;  // a time that is set later is not taken back either
  change.set_inode(file->inode().value);
  change.set_mtime_ns(12345);
  ASSERT_OK(run(client->set_attr({}, change, file.get())));
  EXPECT_EQ(run(client->get_attr({}, file->inode()))->mtime_ns(), 12345);
}

TEST_F(SharingTest, a_time_that_was_set_survives_the_commit_of_earlier_writes) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "x"));
  v1::SetAttrRequest change;
  change.set_inode(file->inode().value);
  change.set_mtime_ns(12345);
  auto changed = run(client->set_attr({}, change, file.get()));
  ASSERT_OK(changed);
  EXPECT_EQ(changed->mtime_ns(), 12345);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(master().files[file->inode().value].mtime_ns, 12345);
}

TEST_F(SharingTest, earlier_writes_are_committed_before_privileges_are_set_and_do_not_take_them_away) {
  start();
  auto file = create("a");
  const auto chmod = [&](uint32_t mode) {
    v1::SetAttrRequest change;
    change.set_inode(file->inode().value);
    change.set_mode(mode);
    ASSERT_OK(run(client->set_attr({}, change, file.get())));
  };
  ASSERT_OK(write(*file, 0, "x"));
  chmod(0755);
  EXPECT_TRUE(master().commits.empty());
  chmod(04755);
  ASSERT_EQ(master().commits.size(), 1u);
  EXPECT_EQ(master().commits.front().extents_size(), 1);
}

TEST_F(SharingTest, an_fsync_after_the_last_writer_closed_syncs_what_it_wrote) {
  start();
  auto writer = create("a");
  auto reader = open(writer->inode());
  ASSERT_OK(write(*writer, 0, "text"));
  ASSERT_OK(run(writer->close()));
  const auto syncs = [&] { return worker(1).calls("sync_object") + worker(2).calls("sync_object"); };
  ASSERT_EQ(syncs(), 0);
  ASSERT_OK(run(reader->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(syncs(), 1);
  ASSERT_OK(run(reader->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(syncs(), 1);
  EXPECT_EQ(must_read(*reader, 0, 10), "text");
}

TEST_F(SharingTest, a_size_that_others_committed_is_seen_after_a_look_at_the_attributes) {
  start();
  auto writer = create("a");
  ASSERT_OK(write(*writer, 0, "one"));
  ASSERT_OK(run(writer->close()));
  auto reader = open(writer->inode());
  EXPECT_EQ(must_read(*reader, 0, 100), "one");
  FakeMaster::FakeFile& at_master = master().files[writer->inode().value];
  at_master.extents.lay({3, 3, at_master.extents.all().front().object, 0});
  at_master.size = 6;
  ++at_master.layout;
  EXPECT_EQ(run(client->get_attr({}, writer->inode()))->size(), 6u);
  EXPECT_EQ(must_read(*reader, 0, 100), "oneone");
}

TEST_F(SharingTest, a_write_beyond_the_largest_file_is_efbig) {
  start();
  auto file = create("a");
  auto written = write(*file, INT64_MAX, "xx");
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), EFBIG);
}

TEST_F(SharingTest, concurrent_writers_leave_one_of_them_everywhere) {
  start();
  auto file = create("a");
  const std::string a(100'000, 'a'), b(100'000, 'b');
  int done = 0;
  struct Write {
    static Task<void> one(File* file, const std::string* text, int* done) {
      Result<void> written = co_await file->pwrite(as_bytes(*text), 0);
      EXPECT_TRUE(written);
      ++*done;
    }
  };
  async::spawn_detached(world.executor(), Write::one(file.get(), &a, &done));
  async::spawn_detached(world.executor(), Write::one(file.get(), &b, &done));
  ASSERT_TRUE(world.run_until([&] { return done == 2; }, kLimit));
  ASSERT_OK(run(file->close()));
  const std::string text = committed(file->inode());
  EXPECT_TRUE(text == a || text == b);
}

}  // namespace
}  // namespace forebay::client
