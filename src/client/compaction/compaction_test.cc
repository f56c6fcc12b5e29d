// Compaction of fragmented files, alone and beside everything else that happens to them.
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CompactionTest : public ClientTest {
 protected:
  CompactionTest() {
    config.compact_from_extents = 8;
    config.compact_extent_bytes = 4 * kKiB;
    config.compact_slice_bytes = 16 * kKiB;
    config.compact_dead_bytes = kGiB;
    config.retry_for = seconds(5);
  }
  // Closed; every second piece was written over.
  std::unique_ptr<File> fragmented(const std::string& name, size_t pieces, size_t piece_bytes = 100) {
    auto file = create(name);
    text = pattern(pieces * 2 * piece_bytes, pieces);
    EXPECT_OK(write(*file, 0, text));
    EXPECT_OK(run(file->flush()));
    for (size_t i = 0; i < pieces; ++i) {
      const std::string over(piece_bytes, static_cast<char>('a' + i % 26));
      EXPECT_OK(write(*file, i * 2 * piece_bytes, over));
      text.replace(i * 2 * piece_bytes, piece_bytes, over);
    }
    return file;
  }
  size_t extents(InodeId inode) { return master().files[inode.value].extents.size(); }
  // How the file is once nothing is going on any more: the right bytes, nothing granted that is not in the file, no handle.
  void expect_settled(InodeId inode, size_t most_extents) {
    world.run_for(seconds(30));
    EXPECT_EQ(committed(inode), text);
    EXPECT_LE(extents(inode), most_extents);
    EXPECT_TRUE(master().handles.empty());
    for (const auto& [id, object] : master().objects) {
      EXPECT_TRUE(master().files[inode.value].extents.mentions(ObjectId{id})) << "object " << id << " is left";
    }
    auto file = open(inode);
    EXPECT_EQ(must_read(*file, 0, text.size() + 1), text);
  }
  std::string text;
};

TEST_F(CompactionTest, a_closed_file_of_many_pieces_becomes_few) {
  start();
  auto file = fragmented("a", 50);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(extents(file->inode()), 100u);
  expect_settled(file->inode(), 3);
}

TEST_F(CompactionTest, a_slice_larger_than_a_frame_is_rewritten_whole) {
  config.compact_slice_bytes = 4 * kMiB;
  config.compact_extent_bytes = 64 * kKiB;
  config.write_buffer_bytes = 64 * kMiB;
  start();
  auto file = fragmented("a", 500, 4000);
  ASSERT_OK(run(file->close()));
  EXPECT_GE(extents(file->inode()), 1000u);
  expect_settled(file->inode(), 3);
}

TEST_F(CompactionTest, a_file_below_the_threshold_is_left_alone) {
  start();
  auto file = fragmented("a", 3);
  ASSERT_OK(run(file->close()));
  expect_settled(file->inode(), 6);
  EXPECT_EQ(extents(file->inode()), 6u);
}

TEST_F(CompactionTest, appends_by_many_opens_end_up_together) {
  start();
  auto file = create("a");
  ASSERT_OK(run(file->close()));
  for (int i = 0; i < 40; ++i) {
    auto appender = open(file->inode(), {.read = false, .write = true, .append = true});
    ASSERT_OK(append(*appender, "line " + std::to_string(i) + "\n"));
    text += "line " + std::to_string(i) + "\n";
    ASSERT_OK(run(appender->close()));
    world.run_for(seconds(1));
  }
  expect_settled(file->inode(), 15);
}

TEST_F(CompactionTest, a_file_that_stays_open_is_compacted_too) {
  start();
  auto file = fragmented("a", 50);
  ASSERT_OK(run(file->flush()));
  world.run_for(seconds(10));
  EXPECT_LE(extents(file->inode()), 5u);
  EXPECT_EQ(must_read(*file, 0, text.size()), text);
  ASSERT_OK(write(*file, 5, "after"));
  text.replace(5, 5, "after");
  ASSERT_OK(run(file->close()));
  expect_settled(file->inode(), 8);
}

TEST_F(CompactionTest, the_new_object_is_synced_before_the_old_ones_go) {
  start();
  auto file = fragmented("a", 50);
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  const size_t before = master().commits.size();
  ASSERT_OK(run(file->close()));
  world.run_for(seconds(10));
  size_t swaps = 0;
  for (size_t i = before; i < master().commits.size(); ++i) {
    if (master().commits[i].same_bytes_at_layout() == 0) continue;
    ++swaps;
    EXPECT_EQ(master().commits[i].durability(), v1::DURABILITY_FSYNC);
    for (const v1::SealedObject& sealed : master().commits[i].sealed()) EXPECT_TRUE(worker(1).synced.contains(sealed.object()));
  }
  EXPECT_GT(swaps, 0u);
}

TEST_F(CompactionTest, space_that_overwritten_bytes_keep_comes_back) {
  config.compact_dead_bytes = 100'000;
  config.first_object_bytes = config.object_bytes = 64 * kKiB;
  start();
  auto file = create("a");
  text = pattern(640 * 1024, 1);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->flush()));
  // Leaves 10,000 bytes of each old object.
  for (size_t at = 0; at < text.size(); at += 64 * kKiB) {
    const std::string over(64 * kKiB - 10'000, 'x');
    text.replace(at, over.size(), over);
    ASSERT_OK(write(*file, at, over));
  }
  ASSERT_OK(run(file->close()));
  world.run_for(seconds(10));
  uint64_t stored = 0;
  for (const auto& [id, object] : master().objects) {
    if (master().files[file->inode().value].extents.mentions(ObjectId{id})) stored += object.length;
  }
  EXPECT_EQ(committed(file->inode()), text);
  EXPECT_LT(stored, text.size() * 5 / 4);
}

TEST_F(CompactionTest, a_truncation_in_between_wins) {
  start();
  auto file = fragmented("a", 50);
  worker(1).delay("seal_object", milliseconds(500));
  ASSERT_OK(run(file->close()));
  world.run_for(milliseconds(600));
  auto again = open(file->inode(), {.read = true, .write = true, .truncate = true});
  ASSERT_OK(write(*again, 0, "new"));
  text = "new";
  ASSERT_OK(run(again->close()));
  expect_settled(file->inode(), 1);
}

TEST_F(CompactionTest, a_layout_that_others_change_each_time_is_left_alone_after_a_while) {
  start();
  auto file = fragmented("a", 50);
  ASSERT_OK(run(file->close()));
  master().always("allocate", [&]() -> std::optional<Status> {
    master().change_layout(file->inode().value);
    return std::nullopt;
  });
  expect_settled(file->inode(), 100);
  EXPECT_EQ(extents(file->inode()), 100u);
}

TEST_F(CompactionTest, writes_through_an_open_handle_meanwhile_are_kept) {
  start();
  auto file = fragmented("a", 100);
  ASSERT_OK(run(file->flush()));
  os::SimRandom random(7);
  for (int i = 0; i < 200; ++i) {
    const size_t at = random.below(text.size() - 60);
    const std::string over(50, static_cast<char>('A' + i % 26));
    text.replace(at, over.size(), over);
    ASSERT_OK(write(*file, at, over));
    if (i % 3 == 0) ASSERT_OK(run(file->flush()));
    world.run_for(milliseconds(1));
    if (i % 10 == 0) EXPECT_EQ(must_read(*file, 0, text.size()), text);
  }
  ASSERT_OK(run(file->close()));
  expect_settled(file->inode(), 30);
}

TEST_F(CompactionTest, a_worker_that_dies_ends_it_and_loses_nothing) {
  start();
  auto file = fragmented("a", 50);
  ASSERT_OK(run(file->close()));
  worker(1).always("seal_object", []() -> std::optional<Status> { return elsewhere("gone", ECONNREFUSED).error(); });
  expect_settled(file->inode(), 100);
  EXPECT_EQ(extents(file->inode()), 100u);
}

TEST_F(CompactionTest, a_full_cluster_ends_it) {
  start();
  auto file = fragmented("a", 50);
  ASSERT_OK(run(file->flush()));
  master().full = {1, 2};
  ASSERT_OK(run(file->close()));
  expect_settled(file->inode(), 100);
}

TEST_F(CompactionTest, a_damaged_copy_is_never_written_again_as_sound) {
  start();
  auto file = fragmented("a", 50);
  master().delay("open", seconds(1));
  ASSERT_OK(run(file->close()));
  for (auto& [id, object] : worker(1).objects) {
    ASSERT_OK(world.host("w1").disk().flip_bit(worker(1).path_of(id), FakeWorker::kDataOffset + 150, 3));
  }
  world.run_for(seconds(30));
  EXPECT_EQ(extents(file->inode()), 100u);
  auto reader = open(file->inode());
  EXPECT_FALSE(read(*reader, 0, text.size()));
}

TEST_F(CompactionTest, an_expired_session_ends_it) {
  start();
  auto file = fragmented("a", 50);
  worker(1).delay("seal_object", {});
  ASSERT_OK(run(file->close()));
  master().expire_sessions();
  world.run_for(seconds(60));
  EXPECT_EQ(committed(file->inode()), text);
}

TEST_F(CompactionTest, a_client_that_stops_does_not_wait_for_it_to_be_complete) {
  start();
  auto file = fragmented("a", 2000);
  ASSERT_OK(run(file->close()));
  const os::Instant begun = client_process->env().clock.now();
  stop();
  EXPECT_LT(client_process->env().clock.now() - begun, seconds(10));
  EXPECT_EQ(committed(file->inode()), text);
}

}  // namespace
}  // namespace forebay::client
