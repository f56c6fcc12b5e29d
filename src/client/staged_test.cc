// Files that others write into a worker's file: what the client tells the master, and when.
#include "client/testing/staged_fixture.h"

namespace forebay::client {
namespace {

TEST_F(StagedTest, what_was_written_is_the_file_once_it_is_flushed_and_sealed_once_it_is_closed) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  ASSERT_OK(kernel(*file)->write_at(as_bytes("some bytes"), 0));
  EXPECT_EQ(committed(inode), "") << "nobody has asked for it yet";
  EXPECT_EQ(run(file->attr())->size(), 10u) << "but here it is seen";
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(committed(inode), "some bytes");
  const size_t commits = master().commits.size();
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(master().commits.size(), commits) << "nothing is new";
  ASSERT_OK(close(file));
  EXPECT_TRUE(master().objects.at(object_of(inode)).sealed);
  EXPECT_TRUE(master().handles.empty());
  auto again = open(inode);
  EXPECT_EQ(must_read(*again, 0, 100), "some bytes");
}

TEST_F(StagedTest, bytes_that_come_through_the_client_go_to_the_same_file) {
  start();
  auto file = create("f", kStage);
  std::unique_ptr<os::File> kernel = this->kernel(*file);
  ASSERT_OK(kernel->write_at(as_bytes("kernel"), 0));
  ASSERT_OK(write(*file, 3, "NEL and client"));
  ASSERT_OK(append(*file, "!"));
  EXPECT_EQ(must_read(*file, 0, 100), "kerNEL and client!");
  ASSERT_OK(run(file->truncate(6)));
  EXPECT_EQ(kernel->size().value(), 6u);
  ASSERT_OK(run(file->truncate(8)));
  EXPECT_EQ(must_read(*file, 0, 100), std::string("kerNEL\0\0", 8));
  kernel.reset();
  ASSERT_OK(close(file));
  EXPECT_EQ(committed(master().names.begin()->second == 0 ? InodeId{} : InodeId{master().names.at("f")}),
            std::string("kerNEL\0\0", 8));
}

TEST_F(StagedTest, a_hole_is_zeros_in_the_same_file_and_a_modification_even_where_nothing_was) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  std::unique_ptr<os::File> kernel = this->kernel(*file);
  ASSERT_OK(kernel->write_at(as_bytes("0123456789"), 0));
  constexpr FallocateMode kPunch{.zero = true, .keep_size = true};
  ASSERT_OK(run(file->fallocate(2, 3, kPunch)));
  EXPECT_EQ(must_read(*file, 0, 100), std::string("01\0\0\0"
                                                  "56789",
                                                  10));
  ASSERT_OK(run(file->fallocate(8, 6, {.zero = true})));
  EXPECT_EQ(must_read(*file, 0, 100), std::string("01\0\0\0"
                                                  "567\0\0\0\0\0\0",
                                                  14));
  const int before = master().calls("set_attr");
  ASSERT_OK(run(file->fallocate(11, 2, kPunch)));
  ASSERT_OK(run(file->fallocate(0, 5, {})));
  EXPECT_EQ(master().calls("set_attr"), before + 2) << "its time of modification";
  kernel.reset();
  ASSERT_OK(close(file));
  EXPECT_EQ(committed(inode), std::string("01\0\0\0"
                                          "567\0\0\0\0\0\0",
                                          14));
}

TEST_F(StagedTest, a_mapping_keeps_the_file_open_at_the_master_until_it_is_gone) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  std::unique_ptr<os::File> mapping = kernel(*file);
  ASSERT_OK(mapping->write_at(as_bytes("mapped"), 0));
  ASSERT_OK(close(file));
  EXPECT_EQ(committed(inode), "mapped");
  EXPECT_FALSE(master().objects.at(object_of(inode)).sealed);
  ASSERT_OK(mapping->write_at(as_bytes("MAP"), 0));
  wait(std::chrono::seconds(5));
  EXPECT_EQ(master().handles.size(), 1u);
  auto reader = open(inode);
  EXPECT_EQ(must_read(*reader, 0, 100), "MAPped") << "on this mount it is one file";
  mapping.reset();
  wait(std::chrono::seconds(5));
  EXPECT_TRUE(master().objects.at(object_of(inode)).sealed);
  EXPECT_TRUE(master().handles.empty());
  EXPECT_EQ(committed(inode), "MAPped");
  EXPECT_EQ(must_read(*reader, 0, 100), "MAPped");
}

TEST_F(StagedTest, a_file_that_is_opened_again_while_it_is_mapped_goes_on_in_the_same_object) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  std::unique_ptr<os::File> mapping = kernel(*file);
  ASSERT_OK(mapping->write_at(as_bytes("one"), 0));
  ASSERT_OK(close(file));
  auto again = open(inode, {.read = true, .write = true});
  EXPECT_TRUE(run(again->backing())->writable);
  ASSERT_OK(write(*again, 3, "two"));
  mapping.reset();
  wait(std::chrono::seconds(5));
  EXPECT_EQ(master().handles.size(), 2u) << "somebody writes";
  ASSERT_OK(close(again));
  EXPECT_EQ(committed(inode), "onetwo");
  EXPECT_TRUE(master().objects.at(object_of(inode)).sealed);
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(StagedTest, the_first_of_several_writers_to_close_takes_nothing_from_the_others) {
  start();
  auto first = create("f", kStage);
  const InodeId inode = first->inode();
  auto second = open(inode, {.read = true, .write = true});
  ASSERT_OK(kernel(*first)->write_at(as_bytes("first"), 0));
  ASSERT_OK(close(first));
  EXPECT_EQ(committed(inode), "first");
  ASSERT_OK(kernel(*second)->write_at(as_bytes(" second"), 5));
  ASSERT_OK(close(second));
  EXPECT_EQ(committed(inode), "first second");
  EXPECT_TRUE(master().objects.at(object_of(inode)).sealed);
  EXPECT_TRUE(master().handles.empty());
}

// By whose right set-user-id goes with a commit.
class StagedByTwoTest : public StagedTest {
 protected:
  static constexpr uint32_t kSomebody = 1000;
  void begin(Identity who) {
    start();
    client->leave_privilege([this](InodeId) { return guarded; });
    auto created = run(client->create(std::move(who), kRootInode, "f", 0666, kStage, false));
    ASSERT_TRUE(created) << created.error().to_string();
    file = std::move(created->file);
    object = kernel(*file);
  }
  std::unique_ptr<File> open_by(Identity who) {
    auto opened = run(client->open(std::move(who), file->inode(), {.read = true, .write = true}));
    EXPECT_TRUE(opened) << opened.error().to_string();
    return opened ? std::move(*opened) : nullptr;
  }
  uint32_t committer(std::string_view text) {
    EXPECT_OK(object->write_at(as_bytes(text), 0));
    EXPECT_OK(run(file->flush()));
    return master().committers.back();
  }
  bool guarded = false;
  std::unique_ptr<File> file;
  std::unique_ptr<os::File> object;
};

TEST_F(StagedByTwoTest, where_privilege_is_guarded_a_commit_takes_none_away) {
  begin({.uid = kSomebody});
  EXPECT_EQ(committer("by whomever"), kSomebody);
  guarded = true;
  EXPECT_EQ(committer("he may do"), 0u);
  guarded = false;
  EXPECT_EQ(committer("by whomever, again"), kSomebody);
  object.reset();
  ASSERT_OK(close(file));
}

TEST_F(StagedByTwoTest, where_nobody_guards_it_somebody_unprivileged_may_have_written) {
  begin({.uid = 0});
  EXPECT_EQ(committer("the superuser"), 0u);
  auto second = open_by({.uid = kSomebody});
  EXPECT_EQ(committer("one of two"), kSomebody);
  ASSERT_OK(close(second));
  EXPECT_EQ(committer("the superuser again"), 0u);
  object.reset();
  ASSERT_OK(close(file));
}

TEST_F(StagedByTwoTest, who_writes_through_the_client_is_known_and_guarded_by_nobody) {
  begin({.uid = 0});
  guarded = true;
  auto second = open_by({.uid = kSomebody});
  ASSERT_OK(write(*second, 0, "through the client"));
  ASSERT_OK(run(second->flush()));
  EXPECT_EQ(master().committers.back(), kSomebody);
  EXPECT_EQ(committer("by the kernel"), 0u) << "only once";
  ASSERT_OK(close(second));
  object.reset();
  ASSERT_OK(close(file));
}

TEST_F(StagedTest, a_file_that_was_never_written_leaves_no_object) {
  start();
  auto file = create("f", kStage);
  ASSERT_OK(close(file));
  EXPECT_TRUE(master().objects.empty());
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(StagedTest, opening_with_truncation_begins_anew_in_a_staged_object) {
  start();
  auto file = create("f");
  ASSERT_OK(write(*file, 0, "old"));
  ASSERT_OK(close(file));
  const InodeId inode{master().names.at("f")};
  OpenFlags flags = kStage;
  flags.truncate = true;
  auto again = open(inode, flags);
  ASSERT_OK(kernel(*again)->write_at(as_bytes("new"), 0));
  ASSERT_OK(close(again));
  EXPECT_EQ(committed(inode), "new");
}

TEST_F(StagedTest, truncation_by_a_second_open_empties_what_the_first_writes) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  std::unique_ptr<os::File> kernel = this->kernel(*file);
  ASSERT_OK(kernel->write_at(as_bytes("a long text"), 0));
  ASSERT_OK(run(file->flush()));
  OpenFlags flags = kStage;
  flags.truncate = true;
  auto second = open(inode, flags);
  EXPECT_EQ(kernel->size().value(), 0u);
  ASSERT_OK(kernel->write_at(as_bytes("short"), 0));
  kernel.reset();
  ASSERT_OK(close(file));
  ASSERT_OK(close(second));
  EXPECT_EQ(committed(inode), "short");
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(StagedTest, who_reads_an_empty_file_sees_what_the_next_writer_writes) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  auto reader = open(inode, {.read = true});
  const std::optional<Backing> read = run(reader->backing());
  ASSERT_TRUE(read);
  ASSERT_OK(close(file));
  world.run_for(std::chrono::seconds(5));
  auto writer = open(inode, {.read = true, .write = true, .fork_from = read->object});
  const std::optional<Backing> written = run(writer->backing());
  ASSERT_TRUE(written);
  EXPECT_EQ(written->object, read->object) << "one file for all";
  ASSERT_OK(kernel(*writer)->write_at(as_bytes("bytes"), 0));
  EXPECT_EQ(read->file->size().value(), 5u);
  ASSERT_OK(close(writer));
  ASSERT_OK(close(reader));
  world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(committed(inode), "bytes");
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(StagedTest, who_reads_a_file_that_is_one_hole_sees_what_the_next_writer_writes) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  auto reader = open(inode, {.read = true});
  const std::optional<Backing> read = run(reader->backing());
  ASSERT_TRUE(read);
  ASSERT_OK(run(file->truncate(300'000)));
  ASSERT_OK(close(file));
  auto writer = open(inode, {.read = true, .write = true, .fork_from = read->object});
  ASSERT_OK(kernel(*writer)->write_at(as_bytes("bytes"), 0));
  std::string seen(5, '#');
  ASSERT_OK(read->file->read_at(std::as_writable_bytes(std::span(seen)), 0));
  EXPECT_EQ(seen, "bytes");
  ASSERT_OK(close(writer));
  ASSERT_OK(close(reader));
  world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(committed(inode).substr(0, 5), "bytes");
  EXPECT_EQ(master().files[inode.value].size, 300'000u);
}

TEST_F(StagedTest, an_empty_file_that_others_have_written_since_is_what_they_left_for_the_next_open) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  auto before = open(inode, {.read = true});
  ASSERT_TRUE(run(before->backing()));
  ASSERT_OK(close(file));
  FakeMaster::FakeFile& at_master = master().files.at(inode.value);
  at_master.size = 5;
  ++at_master.layout;
  EXPECT_EQ(run(client->get_attr({}, inode))->size(), 5u);
  auto reader = open(inode, {.read = true});
  EXPECT_EQ(must_read(*reader, 0, 10), std::string(5, '\0'));
  ASSERT_OK(close(reader));
  ASSERT_OK(close(before));
  world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(at_master.size, 5u);
  EXPECT_TRUE(master().handles.empty());
  EXPECT_TRUE(master().objects.empty());
}

TEST_F(StagedTest, what_was_written_before_a_truncation_is_committed_with_it) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  ASSERT_OK(kernel(*file)->write_at(as_bytes("bytes"), 0));
  ASSERT_OK(run(file->truncate(3)));
  EXPECT_EQ(committed(inode), "byt");
  ASSERT_OK(close(file));
}

TEST_F(StagedTest, space_behind_the_end_is_not_kept) {
  start();
  auto file = create("f", kStage);
  Result<void> kept = run(file->fallocate(0, kMiB, {.keep_size = true}));
  ASSERT_FALSE(kept);
  EXPECT_TRUE(kept.error().is_errno(EOPNOTSUPP));
  ASSERT_OK(close(file));
}

TEST_F(StagedTest, an_empty_file_is_finished_when_nobody_reads_it_any_more) {
  start();
  auto file = create("f", kStage);
  auto reader = open(file->inode(), {.read = true});
  ASSERT_OK(close(file));
  EXPECT_FALSE(master().handles.empty());
  ASSERT_OK(close(reader));
  world.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(master().handles.empty());
  EXPECT_TRUE(master().objects.empty());
}

// ---- forks: a sealed file that is written while others read it by passthrough ----

TEST_F(StagedTest, without_a_worker_that_can_the_file_is_written_as_any_other) {
  worker(3).stages = false;
  start();
  auto file = create("f", kStage);
  EXPECT_FALSE(run(file->backing()));
  ASSERT_OK(write(*file, 0, "through the client"));
  ASSERT_OK(close(file));
  EXPECT_EQ(committed(InodeId{master().names.at("f")}), "through the client");
  EXPECT_EQ(master().objects.size(), 1u) << "what was granted for staging went back";
}

TEST_F(StagedTest, a_full_medium_leaves_sealing_to_the_master_at_once) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  ASSERT_OK(kernel(*file)->write_at(as_bytes("all that finds room"), 0));
  worker(3).always("seal_object", [] { return std::optional(Status(Code::kElsewhere, ENOSPC, "the medium is full")); });
  const os::Instant began = client_process->env().clock.now();
  ASSERT_OK(close(file));
  EXPECT_LT(client_process->env().clock.now() - began, std::chrono::seconds(1));
  EXPECT_TRUE(master().handles.empty());
  EXPECT_FALSE(master().objects.at(object_of(inode)).sealed);
  EXPECT_EQ(committed(inode), "all that finds room");
}

TEST_F(StagedTest, fsync_has_the_worker_sync_each_time) {
  start();
  auto file = create("f", kStage);
  ASSERT_OK(kernel(*file)->write_at(as_bytes("bytes"), 0));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(worker(3).synced.size(), 1u);
  EXPECT_EQ(master().commits.back().durability(), v1::DURABILITY_FSYNC);
  worker(3).synced.clear();
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(worker(3).synced.size(), 1u) << "a mapping may have changed it, unseen";
}

TEST_F(StagedTest, what_others_committed_meanwhile_stays_byte_for_byte) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  std::unique_ptr<os::File> kernel = this->kernel(*file);
  ASSERT_OK(kernel->write_at(as_bytes("0123456789"), 0));
  ASSERT_OK(run(file->flush()));
  // Another client's bytes 3 and 4.
  FakeMaster::FakeFile& at_master = master().files.at(inode.value);
  master().objects[9000] = {0, 2, 2, {1}, true, 0};
  (void)worker(1).objects;
  at_master.extents.lay({3, 2, ObjectId{9000}, 0});
  ++at_master.layout;
  ASSERT_OK(kernel->write_at(as_bytes("abcdefghijkl"), 0));
  kernel.reset();
  ASSERT_OK(close(file));
  std::vector<Extent> extents = at_master.extents.all();
  ASSERT_EQ(extents.size(), 3u);
  EXPECT_EQ(extents[0].length, 3u);
  EXPECT_EQ(extents[1], (Extent{3, 2, ObjectId{9000}, 0}));
  EXPECT_EQ(extents[2].offset, 5u);
  EXPECT_EQ(extents[2].object_offset, 5u);
  EXPECT_EQ(extents[2].end(), 12u);
}

TEST_F(StagedTest, an_expired_session_breaks_the_file_and_the_next_open_begins_anew) {
  start();
  auto file = create("f", kStage);
  const InodeId inode = file->inode();
  std::unique_ptr<os::File> kernel = this->kernel(*file);
  ASSERT_OK(kernel->write_at(as_bytes("committed"), 0));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(kernel->write_at(as_bytes("and more"), 9));
  master().expire_sessions();
  EXPECT_FALSE(run(file->flush()));
  EXPECT_FALSE(close(file));
  EXPECT_EQ(committed(inode), "committed");
  auto again = open(inode);
  EXPECT_EQ(must_read(*again, 0, 9), "committed");
}

}  // namespace
}  // namespace forebay::client
