// Writes while workers die, fill up, stall or lie.
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

class WriteFailureTest : public ClientTest {
 protected:
  // Closes, and expects all of `text` in the file.
  void expect_complete(File& file, const std::string& text) {
    ASSERT_OK(run(file.close()));
    EXPECT_TRUE(committed(file.inode()) == text);
    auto again = open(file.inode());
    EXPECT_TRUE(must_read(*again, 0, text.size() + 1) == text);
  }
  static void stop_answering(FakeWorker& worker) {
    for (const char* method :
         {"open_object", "write_object", "hold_space", "reserve_object", "seal_object", "sync_object", "stat_object"})
      for (int i = 0; i < 20; ++i) worker.delay(method, std::chrono::hours(1));
  }
  void use_local_worker() {
    for (auto& master : masters) master->workers.clear();
    add_worker(3, "c");
    for (auto& master : masters) master->workers.push_back(worker(2).address);
  }
};

TEST_F(WriteFailureTest, a_worker_that_dies_in_mid_stream_is_left_and_only_unacknowledged_bytes_are_sent_again) {
  start();
  auto file = create("a");
  const std::string text = pattern(12 * kMiB, 1);
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 6 * kMiB)));
  world.run_for(seconds(1));
  EXPECT_EQ(worker(1).bytes_written, 6 * kMiB);
  ASSERT_OK(write(*file, 6 * kMiB, std::string_view(text).substr(6 * kMiB, kMiB)));
  worker(1).process().crash();
  ASSERT_OK(write(*file, 7 * kMiB, std::string_view(text).substr(7 * kMiB)));
  ASSERT_OK(run(file->close()));
  EXPECT_GE(worker(2).bytes_written, 5 * kMiB);
  EXPECT_LE(worker(2).bytes_written, 6 * kMiB);
  for (const Extent& extent : master().files[file->inode().value].extents.all()) {
    const bool first = master().objects[extent.object.value].workers.front() == 1;
    EXPECT_EQ(first, extent.offset < 7 * kMiB && extent.offset < 6 * kMiB) << extent.offset;
  }
}

TEST_F(WriteFailureTest, the_bytes_are_right_when_every_other_write_fails) {
  start();
  auto file = create("a");
  int calls = 0;
  auto fault = [&]() -> std::optional<Status> {
    return ++calls % 2 == 0 ? std::optional(elsewhere("the disk is full", ENOSPC).error()) : std::nullopt;
  };
  worker(1).always("write_object", fault);
  worker(2).always("write_object", fault);
  const std::string text = pattern(20 * kMiB, 2);
  for (size_t at = 0; at < text.size(); at += 300'000) ASSERT_OK(write(*file, at, std::string_view(text).substr(at, 300'000)));
  EXPECT_TRUE(must_read(*file, 0, text.size()) == text);
  worker(1).always("write_object", nullptr);
  worker(2).always("write_object", nullptr);
  expect_complete(*file, text);
}

TEST_F(WriteFailureTest, a_reply_of_a_worker_that_is_lost_costs_nothing_but_time) {
  start();
  auto file = create("a");
  worker(1).lose_reply("write_object");
  const std::string text = pattern(kMiB, 3);
  ASSERT_OK(write(*file, 0, text));
  expect_complete(*file, text);
}

TEST_F(WriteFailureTest, a_worker_that_stalls_is_left_at_the_deadline) {
  start();
  auto file = create("a");
  worker(1).delay("write_object", std::chrono::hours(1));
  const os::Instant begun = client_process->env().clock.now();
  ASSERT_OK(write(*file, 0, "text"));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_UNSPECIFIED)));
  EXPECT_LT(client_process->env().clock.now() - begun, 2 * config.worker_stall);
  expect_complete(*file, "text");
  EXPECT_EQ(worker(2).bytes_written, 4u);
}

// As by SIGSTOP: it takes connections and calls, and answers nothing any more. Nobody waits for it twice.
TEST_F(WriteFailureTest, a_worker_that_is_stopped_costs_a_running_copy_one_stall_and_the_next_files_nothing) {
  use_local_worker();
  config.object_bytes = 4 * kMiB;
  start();
  const std::string text = pattern(40 * kMiB, 5);
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 7 * kMiB)));
  stop_answering(worker(3));
  const os::Instant begun = client_process->env().clock.now();
  for (size_t at = 7 * kMiB; at < text.size(); at += kMiB) ASSERT_OK(write(*file, at, std::string_view(text).substr(at, kMiB)));
  ASSERT_OK(run(file->close()));
  const os::Instant closed = client_process->env().clock.now();
  EXPECT_LT(closed - begun, config.worker_stall + seconds(3));
  EXPECT_TRUE(committed(file->inode()) == text);
  auto next = create("b");
  ASSERT_OK(write(*next, 0, text));
  ASSERT_OK(run(next->close()));
  auto staged = create("c", {.read = true, .write = true, .stage = true});
  ASSERT_OK(write(*staged, 0, text));
  ASSERT_OK(run(staged->close()));
  EXPECT_LT(client_process->env().clock.now() - closed, seconds(1));
}

TEST_F(WriteFailureTest, a_file_that_was_to_be_staged_at_a_stopped_worker_is_written_elsewhere_after_one_stall) {
  use_local_worker();
  start();
  stop_answering(worker(3));
  const os::Instant begun = client_process->env().clock.now();
  auto file = create("a", {.read = true, .write = true, .stage = true});
  const std::string text = pattern(3 * kMiB, 6);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->close()));
  EXPECT_LT(client_process->env().clock.now() - begun, config.worker_stall + seconds(2));
  EXPECT_TRUE(committed(file->inode()) == text);
}

TEST_F(WriteFailureTest, a_worker_that_answers_late_is_not_left) {
  use_local_worker();
  start();
  for (const char* method : {"open_object", "write_object", "hold_space", "seal_object"}) worker(3).delay(method, seconds(4));
  auto file = create("a");
  const std::string text = pattern(3 * kMiB, 7);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(2).bytes_written, 0u);
  EXPECT_FALSE(worker(2).calls("open_object"));
}

TEST_F(WriteFailureTest, a_busy_worker_is_asked_again) {
  start();
  auto file = create("a");
  worker(1).refuse("write_object", busy("queue full").error());
  ASSERT_OK(write(*file, 0, "text"));
  expect_complete(*file, "text");
  EXPECT_EQ(worker(2).bytes_written, 0u);
}

TEST_F(WriteFailureTest, an_object_whose_disk_is_full_in_mid_descriptor_is_left) {
  use_local_worker();
  start();
  auto file = create("a");
  const std::string text = pattern(6 * kMiB, 4);
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 3 * kMiB)));
  world.host("c").disk().set_capacity(world.host("c").disk().used_bytes());
  ASSERT_OK(write(*file, 3 * kMiB, std::string_view(text).substr(3 * kMiB)));
  EXPECT_TRUE(must_read(*file, 0, text.size()) == text);
  expect_complete(*file, text);
  EXPECT_GT(worker(2).bytes_written, 2 * kMiB);
}

TEST_F(WriteFailureTest, a_local_worker_that_dies_takes_no_new_bytes) {
  use_local_worker();
  start();
  auto file = create("a");
  const std::string text = pattern(6 * kMiB, 5);
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 3 * kMiB)));
  worker(3).process().crash();
  ASSERT_OK(write(*file, 3 * kMiB, std::string_view(text).substr(3 * kMiB)));
  ASSERT_OK(run(file->close()));
  EXPECT_GE(master().files[file->inode().value].size, text.size());
}

TEST_F(WriteFailureTest, a_full_cluster_is_enospc_and_the_file_stays_as_it_was) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(kMiB, 'a')));
  master().full = {1, 2};
  auto written = write(*file, 10, std::string(2 * kMiB, 'b'));
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), ENOSPC);
  EXPECT_EQ(must_read(*file, 0, 3 * kMiB), std::string(kMiB, 'a'));
  master().full = {};
  ASSERT_OK(write(*file, kMiB, "b"));
  expect_complete(*file, std::string(kMiB, 'a') + "b");
}

TEST_F(WriteFailureTest, a_worker_that_failed_is_used_again_when_no_other_has_room) {
  start();
  auto file = create("a");
  master().full = {2};
  worker(1).refuse("write_object", elsewhere("gone", ECONNRESET).error());
  ASSERT_OK(write(*file, 0, "text"));
  expect_complete(*file, "text");
}

TEST_F(WriteFailureTest, little_is_asked_for_when_there_is_no_room_for_much) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(kMiB, 'a')));
  int refusals = 0;
  master().always("allocate", [&]() -> std::optional<Status> {
    return ++refusals <= 2 ? std::optional(rejected(ENOSPC, "not so much").error()) : std::nullopt;
  });
  ASSERT_OK(write(*file, kMiB, "b"));
  expect_complete(*file, std::string(kMiB, 'a') + "b");
}

TEST_F(WriteFailureTest, bytes_that_can_go_nowhere_break_the_file_until_it_is_opened_again) {
  config.retry_for = seconds(20);
  start();
  auto file = create("a");
  auto other = open(file->inode(), {.read = true, .write = true});
  ASSERT_OK(write(*file, 0, "kept"));
  ASSERT_OK(run(file->flush()));
  worker(1).process().crash();
  worker(2).process().crash();
  ASSERT_OK(write(*file, 4, "lost"));
  auto flushed = run(file->flush());
  ASSERT_FALSE(flushed);
  EXPECT_EQ(to_errno(flushed.error()), EIO);
  EXPECT_FALSE(run(other->fsync(v1::DURABILITY_UNSPECIFIED)));
  EXPECT_FALSE(write(*other, 0, "x"));
  EXPECT_FALSE(read(*file, 0, 8));
  EXPECT_FALSE(run(file->close()));
  EXPECT_FALSE(run(other->close()));
  EXPECT_EQ(master().files[file->inode().value].size, 4u);

  add_worker(4, "w4");
  auto again = open(file->inode(), {.read = true, .write = true});
  ASSERT_OK(write(*again, 0, "new!"));
  ASSERT_OK(run(again->close()));
  EXPECT_EQ(committed(file->inode()), "new!");
}

TEST_F(WriteFailureTest, memory_of_a_broken_file_is_given_back_before_it_is_closed) {
  config.retry_for = seconds(10);
  config.write_buffer_bytes = 2 * kMiB;
  config.descriptor_from_bytes = kMiB;
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(500'000, 'a')));
  worker(1).process().crash();
  worker(2).process().crash();
  EXPECT_FALSE(run(file->flush()));
  add_worker(4, "w4");
  master().workers.erase(master().workers.begin(), master().workers.begin() + 2);
  auto other = create("b");
  ASSERT_OK(write(*other, 0, std::string(4 * kMiB, 'b')));
  expect_complete(*other, std::string(4 * kMiB, 'b'));
}

TEST_F(WriteFailureTest, a_commit_whose_reply_is_lost_is_laid_once) {
  start();
  auto file = create("a");
  ASSERT_OK(append(*file, "one"));
  master().lose_reply("commit");
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(append(*file, "two"));
  master().lose_reply("commit");
  expect_complete(*file, "onetwo");
  EXPECT_EQ(master().executed("commit"), 2);
}

TEST_F(WriteFailureTest, a_refused_commit_fails_flush_and_close) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  master().refuse("commit", rejected(EDQUOT, "over quota").error());
  auto flushed = run(file->flush());
  ASSERT_FALSE(flushed);
  EXPECT_EQ(to_errno(flushed.error()), EDQUOT);
  auto closed = run(file->close());
  ASSERT_FALSE(closed);
  EXPECT_EQ(to_errno(closed.error()), EDQUOT);
  closed = run(file->close());
  EXPECT_FALSE(closed);
}

TEST_F(WriteFailureTest, a_silent_worker_leaves_sealing_to_the_master) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(200'000, 'x')));
  world.run_for(seconds(1));
  worker(1).process().crash();
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(master().commits.back().sealed_size(), 0);
  EXPECT_EQ(master().files[file->inode().value].size, 200'000u);
}

TEST_F(WriteFailureTest, a_worker_that_lost_acknowledged_bytes_fails_the_close) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(200'000, 'x')));
  world.run_for(seconds(1));
  worker(1).objects.clear();
  auto closed = run(file->close());
  ASSERT_FALSE(closed);
  EXPECT_EQ(to_errno(closed.error()), EIO);
  EXPECT_EQ(master().files[file->inode().value].size, 0u);
  world.run_for(seconds(1));
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(WriteFailureTest, an_fsync_waits_for_a_worker_that_restarts) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  int refused = 0;
  worker(1).always("sync_object", [&]() -> std::optional<Status> {
    return ++refused <= 3 ? std::optional(unknown_outcome("restarting").error()) : std::nullopt;
  });
  EXPECT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
}

TEST_F(WriteFailureTest, an_fsync_after_a_weaker_flush_still_syncs_what_was_flushed) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(worker(1).calls("sync_object"), 0);
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(worker(1).calls("sync_object"), 1);
  EXPECT_EQ(master().commits.back().durability(), v1::DURABILITY_FSYNC);
  const int commits = master().calls("commit");
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(master().calls("commit"), commits);
}

// At the master alone: there are no bytes to be synced.
TEST_F(WriteFailureTest, an_fsync_makes_durable_what_was_changed_without_writing) {
  start();
  auto file = create("a");
  const auto syncs = [&] {
    const int before = master().executed("commit");
    EXPECT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
    const bool committed = master().executed("commit") > before;
    return committed && master().commits.back().durability() == v1::DURABILITY_FSYNC;
  };
  EXPECT_TRUE(syncs()) << "that it was created";
  EXPECT_FALSE(syncs()) << "nothing since";
  ASSERT_OK(run(file->truncate(1000)));
  EXPECT_TRUE(syncs());
  ASSERT_OK(run(file->fallocate(0, 2000, {})));
  EXPECT_TRUE(syncs());
  ASSERT_OK(run(file->close()));
}

// What the worker had in its page cache only, at whatever level, is gone, and nobody else has it.
TEST_F(WriteFailureTest, bytes_that_a_power_cut_took_from_an_open_file_are_told_to_its_writer) {
  for (const auto level : {v1::DURABILITY_FSYNC, v1::DURABILITY_PAGE_CACHE}) {
    config.durability = level;
    start();
    auto file = create("a" + std::to_string(level));
    auto other = create("b" + std::to_string(level));
    for (File* each : {file.get(), other.get()}) ASSERT_OK(write(*each, 0, pattern(3 * kMiB, 1)));
    world.run_for(seconds(1));
    for (auto& worker : workers) ++worker->boot;
    ASSERT_OK(write(*other, 3 * kMiB, pattern(100'000, 2)));
    world.run_for(seconds(1));
    Result<void> synced = run(file->fsync(v1::DURABILITY_FSYNC));
    ASSERT_FALSE(synced);
    EXPECT_EQ(to_errno(synced.error()), EIO) << synced.error().to_string();
    EXPECT_FALSE(run(file->close()));
    Result<void> closed = run(other->close());
    ASSERT_FALSE(closed);
    EXPECT_EQ(to_errno(closed.error()), EIO) << closed.error().to_string();
    stop();
  }
}

TEST_F(WriteFailureTest, a_power_cut_after_an_fsync_costs_an_open_file_nothing) {
  config.durability = v1::DURABILITY_FSYNC;
  start();
  auto file = create("a");
  const std::string text = pattern(300'000, 3);
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 100'000)));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  for (auto& worker : workers) ++worker->boot;
  ASSERT_OK(write(*file, 100'000, std::string_view(text).substr(100'000)));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  expect_complete(*file, text);
  EXPECT_EQ(master().objects.size(), 2u);
}

// A frame that was sent before makes the object again: without what was acknowledged before the power cut.
TEST_F(WriteFailureTest, an_object_that_is_made_again_after_a_power_cut_is_not_taken_for_the_first_one) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, pattern(kMiB, 4)));
  world.run_for(seconds(1));
  for (auto& worker : workers) {
    ++worker->boot;
    for (auto& [id, object] : worker->objects) object.boot = worker->boot;
  }
  ASSERT_OK(write(*file, kMiB, pattern(kMiB, 5)));
  world.run_for(seconds(1));
  Result<void> closed = run(file->close());
  ASSERT_FALSE(closed);
  EXPECT_EQ(to_errno(closed.error()), EIO) << closed.error().to_string();
}

// The object after the one that is being filled is at its worker already.
class NextObjectTest : public WriteFailureTest {
 protected:
  NextObjectTest() { config.object_bytes = 8 * kMiB; }

  // An object of full size with room for some more, and the next one asked for.
  std::unique_ptr<File> write_until_asked() {
    start();
    std::unique_ptr<File> file = create("a");
    EXPECT_OK(write(*file, 0, std::string_view(text).substr(0, kWritten)));
    world.run_for(seconds(1));
    return file;
  }
  Result<void> write_rest(File& file) { return write(file, kWritten, std::string_view(text).substr(kWritten)); }
  size_t objects_at_workers() { return worker(1).objects.size() + worker(2).objects.size(); }

  static constexpr size_t kWritten = 6 * kMiB;
  const std::string text = pattern(16 * kMiB, 12);
};

TEST_F(NextObjectTest, is_reserved_before_it_is_needed) {
  auto file = write_until_asked();
  ASSERT_EQ(worker(1).objects.size(), 3u);
  EXPECT_EQ(worker(1).objects.rbegin()->second.reserved, 8 * kMiB);
  const int writes = worker(1).calls("write_object");
  ASSERT_OK(write_rest(*file));
  world.run_for(seconds(1));
  EXPECT_EQ(worker(1).calls("write_object"), writes + 10 + 1) << "of 10 MiB, and to reserve the fourth object";
  expect_complete(*file, text);
}

TEST_F(NextObjectTest, is_given_back_when_the_file_is_closed_before_it_is_needed) {
  auto file = write_until_asked();
  EXPECT_EQ(objects_at_workers(), 3u);
  const uint64_t next = master().objects.rbegin()->first;
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(master().removed, std::vector{next});
  EXPECT_TRUE(committed(file->inode()) == text.substr(0, kWritten));
}

TEST_F(NextObjectTest, costs_a_close_nothing_when_its_worker_does_not_answer) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, 2 * kMiB)));
  world.run_for(seconds(1));
  int left = 3;  // the frames of the object before it
  worker(1).always("write_object", [&]() -> std::optional<Status> {
    if (--left == 0) worker(1).delay("write_object", std::chrono::hours(1));
    return std::nullopt;
  });
  for (size_t at = 2 * kMiB; at < kWritten; at += kMiB) {
    ASSERT_OK(write(*file, at, std::string_view(text).substr(at, kMiB)));
    world.run_for(std::chrono::milliseconds(100));
  }
  const os::Instant begun = client_process->env().clock.now();
  ASSERT_OK(run(file->close()));
  EXPECT_LT(client_process->env().clock.now() - begun, seconds(1));
  EXPECT_EQ(master().removed.size(), 1u);
}

TEST_F(NextObjectTest, is_sought_elsewhere_when_its_worker_has_no_room) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string_view(text).substr(0, kMiB)));
  world.run_for(seconds(1));
  const int frames = worker(1).calls("write_object");
  worker(1).always("write_object", [&, frames]() -> std::optional<Status> {
    const bool reserves_third = worker(1).objects.size() == 2 && master().objects.size() == 3;
    return reserves_third && worker(1).calls("write_object") > frames + 3
               ? std::optional(elsewhere("the disk is full", ENOSPC).error())
               : std::nullopt;
  });
  for (size_t at = kMiB; at < text.size(); at += kMiB) {
    ASSERT_OK(write(*file, at, std::string_view(text).substr(at, kMiB)));
    world.run_for(std::chrono::milliseconds(100));
  }
  EXPECT_GT(worker(2).bytes_written, 0u);
  worker(1).always("write_object", nullptr);
  expect_complete(*file, text);
  for (const auto& [id, object] : master().objects) EXPECT_GT(object.length, 0u) << id;
}

TEST_F(NextObjectTest, is_left_when_its_worker_has_died_meanwhile) {
  auto file = write_until_asked();
  worker(1).process().crash();
  ASSERT_OK(write_rest(*file));
  ASSERT_OK(run(file->close()));
  EXPECT_GE(worker(2).bytes_written, text.size() - kWritten);
  for (const auto& [id, object] : master().objects) EXPECT_GT(object.length, 0u) << id;
}

// Nothing was in it.
TEST_F(NextObjectTest, costs_nothing_when_a_power_cut_has_taken_it) {
  auto file = write_until_asked();
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  for (auto& worker : workers) ++worker->boot;
  ASSERT_OK(write_rest(*file));
  expect_complete(*file, text);
}

}  // namespace
}  // namespace forebay::client
