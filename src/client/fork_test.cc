// Files that are opened for writing while others read them by passthrough.
#include "client/testing/staged_fixture.h"
#include "client/write_path/staged_object.h"

namespace forebay::client {
namespace {

class ForkTest : public StagedTest {
 protected:
  // Closed, sealed, and open for reading.
  void make_file(const std::string& text) {
    config.descriptor_from_bytes = 1;  // shorter ones are not worth it
    start();
    auto file = create("f", kStage);
    inode = file->inode();
    ASSERT_OK(kernel(*file)->write_at(as_bytes(text), 0));
    ASSERT_OK(close(file));
    reader = open(inode, {.read = true});
    const std::optional<Backing> backing = run(reader->backing());
    ASSERT_TRUE(backing);
    read = *backing;
    ASSERT_FALSE(read.writable);
  }
  std::string seen_by_reader() {
    std::string text(read.file->size().value_or(0), '#');
    EXPECT_OK(read.file->read_at(std::as_writable_bytes(std::span(text)), 0));
    return text;
  }
  Result<std::unique_ptr<File>> open_fork() {
    return run(client->open({}, inode, {.read = true, .write = true, .fork_from = read.object}));
  }
  InodeId inode;
  std::unique_ptr<File> reader;
  Backing read;
};

TEST_F(ForkTest, who_reads_a_sealed_file_sees_what_the_next_writer_writes) {
  make_file("old bytes");
  auto writer = open_fork();
  ASSERT_TRUE(writer) << writer.error().to_string();
  const std::optional<Backing> written = run((*writer)->backing());
  ASSERT_TRUE(written && written->writable);
  EXPECT_NE(written->object, read.object);
  ASSERT_OK(kernel(**writer)->write_at(as_bytes("new"), 0));
  EXPECT_EQ(seen_by_reader(), "new bytes");
  EXPECT_EQ(worker(3).content(read.object.value), "old bytes") << "a sealed object does not change";
  EXPECT_EQ(committed(inode), "old bytes") << "until the writer flushes";
  ASSERT_OK(close(*writer));
  EXPECT_EQ(committed(inode), "new bytes");
  EXPECT_EQ(object_of(inode), written->object.value);
  wait(StagedObject::kRest * 2);
  EXPECT_TRUE(master().objects.at(written->object.value).sealed);
  ASSERT_OK(close(reader));
  world.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(ForkTest, a_fork_that_nobody_writes_leaves_the_file_as_it_was) {
  make_file("old bytes");
  auto writer = open_fork();
  ASSERT_TRUE(writer) << writer.error().to_string();
  ASSERT_OK(close(*writer));
  EXPECT_EQ(committed(inode), "old bytes");
  ASSERT_OK(close(reader));
  world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(master().objects.size(), 1u);
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(ForkTest, many_writers_one_after_the_other_take_one_copy_while_the_readers_stay) {
  make_file("old bytes");
  for (int i = 0; i < 100; ++i) {
    auto writer = open_fork();
    ASSERT_TRUE(writer) << writer.error().to_string();
    const std::string text = std::to_string(100 + i);
    if (i % 2 == 0) {
      ASSERT_OK(kernel(**writer)->write_at(as_bytes(text), 0));
    }
    ASSERT_OK(close(*writer));
    if (i % 2 == 0) {
      EXPECT_EQ(committed(inode), text + " bytes") << "each close is a commit";
      EXPECT_EQ(seen_by_reader(), text + " bytes");
    }
    EXPECT_LE(master().handles.size(), 2u) << "those of the writers that have gone go with them";
    wait(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(worker(3).calls("fork_object"), 1);
  wait(StagedObject::kRest * 2);
  EXPECT_TRUE(master().handles.empty());
  EXPECT_TRUE(master().objects.at(object_of(inode)).sealed) << "though the readers are still there";
  EXPECT_EQ(master().objects.size(), 1u);
}

TEST_F(ForkTest, it_is_sealed_now_and_then_however_often_it_is_written) {
  make_file("old bytes");
  for (int i = 0; i < 50; ++i) {
    auto writer = open_fork();
    ASSERT_TRUE(writer) << writer.error().to_string();
    ASSERT_OK(kernel(**writer)->write_at(as_bytes(std::to_string(100 + i)), 0));
    ASSERT_OK(close(*writer));
    if (const std::optional<Backing> now = run(reader->backing()); now) read.object = now->object;
    wait(StagedObject::kRest / 2);
  }
  const int copies = worker(3).calls("fork_object");
  EXPECT_GE(copies, 2) << "25 seconds are longer than it rests";
  EXPECT_LE(copies, 4);
}

TEST_F(ForkTest, readers_that_have_gone_are_not_waited_for) {
  make_file("old bytes");
  auto writer = open_fork();
  ASSERT_TRUE(writer) << writer.error().to_string();
  ASSERT_OK(kernel(**writer)->write_at(as_bytes("new"), 0));
  ASSERT_OK(close(reader));
  ASSERT_OK(close(*writer));
  EXPECT_TRUE(master().objects.at(object_of(inode)).sealed);
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(ForkTest, an_open_that_is_answered_before_the_last_writers_commit_is_of_the_file_that_readers_have) {
  make_file("old bytes");
  auto writer = open_fork();
  ASSERT_TRUE(writer) << writer.error().to_string();
  read.object = run((*writer)->backing())->object;
  ASSERT_OK(kernel(**writer)->write_at(as_bytes("new"), 0));
  ASSERT_OK(close(reader));
  writer->reset();  // closed in the background: sealed, then committed
  auto next = open_fork();
  ASSERT_TRUE(next) << next.error().to_string();
  const std::optional<Backing> written = run((*next)->backing());
  ASSERT_TRUE(written && written->writable) << "not taken for a file that has changed elsewhere";
  ASSERT_OK(kernel(**next)->write_at(as_bytes("NEW"), 0));
  EXPECT_EQ(seen_by_reader(), "NEW bytes");
  ASSERT_OK(close(*next));
  EXPECT_EQ(committed(inode), "NEW bytes");
}

TEST_F(ForkTest, an_open_waits_for_the_room_of_what_is_being_deleted) {
  make_file("old bytes");
  const Status busy(Code::kBusy, ENOSPC, "what was removed is being deleted");
  for (int i = 0; i < 3; ++i) master().refuse("allocate", busy);
  auto writer = open_fork();
  ASSERT_TRUE(writer) << writer.error().to_string();
  EXPECT_EQ(worker(3).calls("fork_object"), 1);
  ASSERT_OK(close(*writer));
}

TEST_F(ForkTest, an_open_whose_worker_has_no_room_for_a_copy_is_enospc) {
  make_file("old bytes");
  worker(3).refuse("fork_object", elsewhere("no room for two", ENOSPC).error());
  auto writer = open_fork();
  ASSERT_FALSE(writer);
  EXPECT_EQ(to_errno(writer.error()), ENOSPC);
  EXPECT_EQ(seen_by_reader(), "old bytes");
  world.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(master().handles.empty()) << "what was granted went back";
  EXPECT_EQ(master().objects.size(), 1u);
}

TEST_F(ForkTest, an_open_whose_worker_cannot_fork_is_refused) {
  make_file("old bytes");
  worker(3).refuse("fork_object", corrupt("the copy is not what was sealed").error());
  auto writer = open_fork();
  ASSERT_FALSE(writer);
  EXPECT_EQ(to_errno(writer.error()), ETXTBSY);
}

TEST_F(ForkTest, a_file_that_changed_elsewhere_is_written_as_any_other) {
  make_file("old bytes");
  FakeMaster::FakeFile& at_master = master().files.at(inode.value);
  master().objects[9000] = {0, 2, 2, {3}, true, 0};
  at_master.extents.lay({3, 2, ObjectId{9000}, 0});
  ++at_master.layout;
  auto writer = open_fork();
  ASSERT_TRUE(writer) << writer.error().to_string();
  const std::optional<Backing> written = run((*writer)->backing());
  EXPECT_FALSE(written && written->writable);
  EXPECT_EQ(worker(3).calls("fork_object"), 0);
  ASSERT_OK(write(**writer, 0, "n"));
  ASSERT_OK(close(*writer));
  EXPECT_EQ(seen_by_reader(), "old bytes");
  EXPECT_EQ(at_master.extents.all().size(), 4u);
}

}  // namespace
}  // namespace forebay::client
