// Writing and reading without failures.
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

class WriteTest : public ClientTest {};

TEST_F(WriteTest, a_small_file_takes_two_round_trips_to_the_master) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "hello"));
  const InodeId inode = file->inode();
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(master().calls("create"), 1);
  EXPECT_EQ(master().calls("commit"), 1);
  EXPECT_EQ(master().calls("allocate"), 0);
  EXPECT_EQ(committed(inode), "hello");
  const v1::CommitRequest& commit = master().commits.front();
  EXPECT_TRUE(commit.close());
  ASSERT_EQ(commit.sealed_size(), 1);
  EXPECT_EQ(commit.sealed(0).length(), 5u);
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(WriteTest, bytes_are_read_back_before_and_after_the_close) {
  start();
  auto file = create("a");
  const std::string text = pattern(3'500'000, 1);
  ASSERT_OK(write(*file, 0, text));
  EXPECT_EQ(must_read(*file, 0, text.size() + 10), text);
  EXPECT_EQ(must_read(*file, 1'000'000, 1'500'000), text.substr(1'000'000, 1'500'000));
  ASSERT_OK(run(file->close()));
  auto again = open(file->inode());
  EXPECT_EQ(must_read(*again, 0, text.size()), text);
  EXPECT_EQ(must_read(*again, text.size(), 10), "");
  ASSERT_OK(run(again->close()));
}

TEST_F(WriteTest, holes_are_zeros) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 10, "x"));
  ASSERT_OK(write(*file, 20, "y"));
  EXPECT_EQ(must_read(*file, 8, 20), std::string("\0\0x\0\0\0\0\0\0\0\0\0y", 13));
  ASSERT_OK(run(file->close()));
  auto again = open(file->inode());
  EXPECT_EQ(must_read(*again, 8, 20), std::string("\0\0x\0\0\0\0\0\0\0\0\0y", 13));
}

TEST_F(WriteTest, a_local_object_is_written_and_read_by_descriptor) {
  master().workers.clear();
  add_worker(3, "c");
  start();
  auto file = create("a");
  const std::string text = pattern(3'000'000, 2);
  ASSERT_OK(write(*file, 0, text));
  EXPECT_EQ(worker(3).calls("write_object"), 0);
  EXPECT_GE(worker(3).calls("open_object"), 1);
  EXPECT_EQ(must_read(*file, 5, 2'000'000), text.substr(5, 2'000'000));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), text);
  auto again = open(file->inode());
  EXPECT_EQ(must_read(*again, 0, text.size()), text);
  EXPECT_EQ(worker(3).calls("read_object"), 0);
}

// A removed object's space is free when its last descriptor is closed.
TEST_F(WriteTest, a_file_being_written_keeps_no_descriptor_of_objects_that_are_full) {
  master().workers.clear();
  add_worker(3, "c");
  config.first_object_bytes = config.object_bytes = 256 * kKiB;
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(4 * kMiB, 'x')));
  ASSERT_EQ(worker(3).objects.size(), 16u);
  auto full = worker(3).objects;
  for (const auto& [id, object] : full) worker(3).remove(id);
  full.clear();
  EXPECT_LT(world.host("c").disk().used_bytes(), 512 * kKiB);
}

TEST_F(WriteTest, a_descriptor_that_is_not_used_any_more_gives_back_the_space_of_a_removed_object) {
  master().workers.clear();
  add_worker(3, "c");
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(kMiB, 'x')));
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  EXPECT_EQ(must_read(*reader, 0, kMiB).size(), kMiB);
  const uint64_t object = worker(3).objects.begin()->first;
  worker(3).remove(object);
  EXPECT_GT(world.host("c").disk().used_bytes(), kMiB - 1);
  EXPECT_EQ(must_read(*reader, 0, kMiB), std::string(kMiB, 'x'));  // an open file goes on
  world.run_for(3 * config.descriptor_idle);
  EXPECT_LT(world.host("c").disk().used_bytes(), kMiB / 2);
}

TEST_F(WriteTest, a_local_object_that_grows_goes_on_by_descriptor) {
  master().workers.clear();
  add_worker(3, "c");
  start();
  auto file = create("a");
  const std::string text = pattern(600'000, 3);
  for (size_t at = 0; at < text.size(); at += 10'000) ASSERT_OK(write(*file, at, std::string_view(text).substr(at, 10'000)));
  EXPECT_LT(worker(3).bytes_written, 200'000u);
  EXPECT_EQ(must_read(*file, 0, text.size()), text);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), text);
  EXPECT_EQ(master().commits.back().extents_size(), 1);
}

TEST_F(WriteTest, without_short_circuit_everything_is_streamed) {
  config.short_circuit = false;
  master().workers.clear();
  add_worker(3, "c");
  start();
  auto file = create("a");
  const std::string text = pattern(2'500'000, 4);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(3).calls("open_object"), 0);
  EXPECT_EQ(committed(file->inode()), text);
}

TEST_F(WriteTest, an_fsync_makes_bytes_visible_to_others_and_the_object_goes_on) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(committed(file->inode()), "one");
  EXPECT_EQ(worker(1).calls("sync_object"), 1);
  ASSERT_OK(write(*file, 3, "two"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "onetwo");
  EXPECT_EQ(worker(1).objects.size(), 1u);
}

TEST_F(WriteTest, a_short_object_is_sent_whole_and_reserves_what_it_takes) {
  start();
  auto file = create("a");
  const std::string text = pattern(100'000, 5);
  for (size_t at = 0; at < text.size(); at += 10'000) ASSERT_OK(write(*file, at, std::string_view(text).substr(at, 10'000)));
  EXPECT_EQ(must_read(*file, 5'000, 90'000), text.substr(5'000, 90'000));
  EXPECT_EQ(worker(1).calls("write_object"), 0);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(1).calls("write_object"), 1);
  EXPECT_EQ(worker(1).objects.begin()->second.reserved, text.size());
  EXPECT_EQ(committed(file->inode()), text);
}

TEST_F(WriteTest, a_short_object_that_goes_on_after_a_flush_reserves_its_grant_first) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(worker(1).objects.begin()->second.reserved, 3u);
  ASSERT_OK(write(*file, 3, "two"));
  EXPECT_EQ(worker(1).objects.begin()->second.reserved, config.first_object_bytes);
  ASSERT_OK(write(*file, 6, "three"));
  EXPECT_EQ(worker(1).calls("reserve_object"), 1);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(1).objects.size(), 1u);
  EXPECT_EQ(committed(file->inode()), "onetwothree");
}

TEST_F(WriteTest, an_object_that_cannot_reserve_more_is_left_before_a_byte_is_accepted) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->flush()));
  worker(1).always("reserve_object", [] { return std::optional(elsewhere("the disk is full", ENOSPC).error()); });
  ASSERT_OK(write(*file, 3, "two"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(1).content(worker(1).objects.begin()->first), "one");
  EXPECT_EQ(worker(2).objects.size(), 1u);
  EXPECT_EQ(committed(file->inode()), "onetwo");
}

TEST_F(WriteTest, short_objects_wait_in_half_of_the_budget_and_never_stop_the_others) {
  config.write_buffer_bytes = kMiB;
  start();
  std::vector<std::unique_ptr<File>> files;
  const std::string text = pattern(100'000, 6);
  for (int i = 0; i < 20; ++i) {
    files.push_back(create("f" + std::to_string(i)));
    ASSERT_OK(write(*files.back(), 0, text));
  }
  EXPECT_GE(worker(1).bytes_written + worker(2).bytes_written, 12 * text.size());
  auto large = create("large");
  ASSERT_OK(write(*large, 0, pattern(4 * kMiB, 7)));
  ASSERT_OK(run(large->close()));
  for (auto& file : files) {
    ASSERT_OK(run(file->close()));
    EXPECT_EQ(committed(file->inode()), text);
  }
}

TEST_F(WriteTest, an_fsync_syncs_what_an_earlier_close_left_to_the_page_cache) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(1).calls("sync_object"), 0);
  auto again = open(file->inode(), {.read = true, .write = true});
  ASSERT_OK(write(*again, 3, "two"));
  ASSERT_OK(run(again->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_GE(worker(1).calls("sync_object"), 2);
  const int calls = worker(1).calls("sync_object"), opens = master().calls("open");
  ASSERT_OK(write(*again, 6, "three"));
  ASSERT_OK(run(again->fsync(v1::DURABILITY_FSYNC)));  // only what is new
  EXPECT_EQ(worker(1).calls("sync_object"), calls + 1);
  EXPECT_EQ(master().calls("open"), opens);
}

TEST_F(WriteTest, an_fsync_of_a_handle_for_reading_syncs_the_file) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  ASSERT_OK(run(reader->fsync(v1::DURABILITY_UNSPECIFIED)));
  EXPECT_EQ(worker(1).calls("sync_object"), 0);
  ASSERT_OK(run(reader->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(worker(1).calls("sync_object"), 1);
  world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(master().handles.empty());  // the journal was synced by an open, which is closed again
  ASSERT_OK(run(reader->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(worker(1).calls("sync_object"), 1);
}

TEST_F(WriteTest, an_fsync_of_a_handle_for_reading_syncs_what_a_closed_one_wrote) {
  start();
  auto file = create("a");
  auto reader = open(file->inode());
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(1).calls("sync_object"), 0);
  ASSERT_OK(run(reader->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_EQ(worker(1).calls("sync_object"), 1);
  EXPECT_EQ(must_read(*reader, 0, 10), "one");
}

TEST_F(WriteTest, an_fsync_of_a_file_whose_object_is_gone_fails) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  worker(1).objects.clear();
  EXPECT_FALSE(run(reader->fsync(v1::DURABILITY_FSYNC)));
}

TEST_F(WriteTest, a_flush_with_nothing_to_commit_asks_nobody) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "one"));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(master().calls("commit"), 1);
}

TEST_F(WriteTest, a_file_that_was_not_written_gives_its_object_back) {
  start();
  auto file = create("a");
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(master().removed.size(), 1u);
  EXPECT_TRUE(master().objects.empty());
  EXPECT_EQ(worker(1).calls("write_object"), 0);
}

TEST_F(WriteTest, objects_grow_with_the_file) {
  config.object_bytes = 16 * kMiB;
  start();
  auto file = create("a");
  const std::string text = pattern(30 * kMiB, 5);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->close()));
  std::vector<uint64_t> granted;
  for (const auto& [id, object] : master().objects) granted.push_back(object.granted);
  EXPECT_EQ(granted, (std::vector<uint64_t>{kMiB, 8 * kMiB, 16 * kMiB, 16 * kMiB}));
  EXPECT_EQ(committed(file->inode()), text);
  for (const auto& [id, object] : master().objects) EXPECT_TRUE(object.sealed);
}

TEST_F(WriteTest, overlapping_writes_leave_what_a_local_file_would_hold) {
  start();
  auto file = create("a");
  std::string model;
  os::SimRandom random(6);
  for (int i = 0; i < 300; ++i) {
    const uint64_t offset = random.below(50'000);
    const std::string text = pattern(random.below(3'000) + 1, i);
    if (model.size() < offset + text.size()) model.resize(offset + text.size());
    model.replace(offset, text.size(), text);
    ASSERT_OK(write(*file, offset, text));
    if (random.below(20) == 0) ASSERT_OK(run(file->flush()));
    if (random.below(4) == 0) ASSERT_EQ(must_read(*file, offset / 2, 20'000), model.substr(offset / 2, 20'000));
  }
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), model);
}

TEST_F(WriteTest, an_overwrite_of_what_is_still_buffered_takes_no_space) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(1000, 'a')));
  worker(1).delay("write_object", std::chrono::seconds(1));
  ASSERT_OK(write(*file, 1000, std::string(1000, 'b')));
  for (char c = 'c'; c < 'z'; ++c) ASSERT_OK(write(*file, 2000, std::string(1000, c)));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), std::string(1000, 'a') + std::string(1000, 'b') + std::string(1000, 'y'));
  EXPECT_LE(worker(1).bytes_written, 4000u);
}

TEST_F(WriteTest, many_extents_are_committed_before_they_are_too_many) {
  config.max_commit_extents = 10;
  start();
  auto file = create("a");
  for (uint64_t i = 0; i < 50; ++i) ASSERT_OK(write(*file, i * 10, "x"));
  EXPECT_GE(master().calls("commit"), 3);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()).size(), 491u);
}

TEST_F(WriteTest, buffered_bytes_never_exceed_the_budget) {
  config.write_buffer_bytes = 2 * kMiB;
  start();
  auto file = create("a");
  const std::string text = pattern(20 * kMiB, 7);
  ASSERT_OK(write(*file, 0, text));
  EXPECT_GE(worker(1).bytes_written, 18 * kMiB);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), text);
}

}  // namespace
}  // namespace forebay::client
