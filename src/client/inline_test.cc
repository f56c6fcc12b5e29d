#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

class InlineTest : public ClientTest {
 protected:
  InlineTest() { config.inline_bytes = 8 * kKiB; }
  size_t objects_at_workers() {
    size_t objects = 0;
    for (const auto& [id, object] : master().objects) objects += object.workers.empty() ? 0 : 1;
    return objects;
  }
};

TEST_F(InlineTest, a_small_file_takes_a_create_and_a_commit_and_no_worker) {
  start();
  auto file = create("a");
  const std::string text = pattern(5000, 1);
  ASSERT_OK(write(*file, 0, text));
  EXPECT_EQ(must_read(*file, 0, 9999), text);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(master().executed("create") + master().executed("commit"), 2);
  EXPECT_EQ(committed(file->inode()), text);
  EXPECT_EQ(objects_at_workers(), 0u);
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(InlineTest, opening_and_reading_it_takes_one_round_trip) {
  start();
  auto file = create("a");
  const std::string text = pattern(5000, 1);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  EXPECT_EQ(must_read(*reader, 0, 9999), text);
  EXPECT_EQ(must_read(*reader, 4000, 10), text.substr(4000, 10));
  EXPECT_EQ(master().executed("get_layout"), 0);
  ASSERT_OK(run(reader->close()));
}

TEST_F(InlineTest, a_writer_that_reads_fetches_what_its_open_left_out) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "hello world"));
  ASSERT_OK(run(file->close()));
  auto again = open(file->inode(), {.read = true, .write = true});
  ASSERT_OK(write(*again, 6, "W"));
  EXPECT_EQ(must_read(*again, 0, 99), "hello World");
  ASSERT_OK(run(again->close()));
  EXPECT_EQ(committed(file->inode()), "hello World");
  EXPECT_EQ(objects_at_workers(), 0u);
}

TEST_F(InlineTest, overwrites_holes_and_reads_in_between_are_right) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "abcdef"));
  ASSERT_OK(write(*file, 2, "XY"));
  ASSERT_OK(write(*file, 10, "tail"));
  const std::string expected("abXYef\0\0\0\0tail", 14);
  EXPECT_EQ(must_read(*file, 0, 99), expected);
  ASSERT_OK(run(file->flush()));
  EXPECT_EQ(must_read(*file, 0, 99), expected);
  ASSERT_OK(write(*file, 8, "--"));
  ASSERT_OK(run(file->truncate(11)));
  EXPECT_EQ(must_read(*file, 0, 99), std::string("abXYef\0\0--t", 11));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), std::string("abXYef\0\0--t", 11));
}

TEST_F(InlineTest, appends_go_where_the_file_ends_at_the_master) {
  start();
  auto file = create("a", {.write = true, .append = true});
  ASSERT_OK(append(*file, "one"));
  ASSERT_OK(append(*file, "two"));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(append(*file, "three"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "onetwothree");
}

TEST_F(InlineTest, a_file_that_grows_takes_what_waits_to_its_first_object) {
  start();
  auto file = create("a");
  const std::string text = pattern(300'000, 1);
  ASSERT_OK(write(*file, 0, text.substr(0, 5000)));
  ASSERT_OK(write(*file, 5000, text.substr(5000)));
  EXPECT_EQ(must_read(*file, 0, 999'999), text);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), text);
  for (const v1::CommitRequest& commit : master().commits) EXPECT_TRUE(commit.inline_content().empty());
}

TEST_F(InlineTest, a_file_that_grows_after_a_flush_has_both_kinds) {
  start();
  auto file = create("a");
  const std::string text = pattern(50'000, 1);
  ASSERT_OK(write(*file, 0, text.substr(0, 5000)));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(write(*file, 5000, text.substr(5000)));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), text);
  EXPECT_EQ(master().objects.size(), 2u);
  auto reader = open(file->inode());
  EXPECT_EQ(must_read(*reader, 0, 99'999), text);
}

TEST_F(InlineTest, a_small_write_into_a_large_file_goes_to_a_worker) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, pattern(50'000, 1)));
  ASSERT_OK(run(file->close()));
  auto again = open(file->inode(), {.write = true});
  ASSERT_OK(write(*again, 100, "small"));
  ASSERT_OK(run(again->close()));
  for (const v1::CommitRequest& commit : master().commits) EXPECT_TRUE(commit.inline_content().empty());
}

TEST_F(InlineTest, a_file_written_in_very_many_pieces_goes_to_a_worker) {
  start();
  auto file = create("a");
  std::string text(7000, '\0');
  for (int round = 0; round < 40; ++round) {
    const size_t at = static_cast<size_t>(round) * 150;
    ASSERT_OK(write(*file, at, "piece"));
    text.replace(at, 5, "piece");
    ASSERT_OK(run(file->flush()));
  }
  EXPECT_EQ(must_read(*file, 0, 9999), text.substr(0, 39 * 150 + 5));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), text.substr(0, 39 * 150 + 5));
  size_t kept = 0;
  for (const auto& [id, object] : master().objects) kept += object.content.empty() ? 0 : 1;
  EXPECT_LE(kept, 16u);
}

TEST_F(InlineTest, a_master_that_takes_none_gets_none) {
  master().inline_max = 0;
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "hello"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "hello");
  EXPECT_EQ(objects_at_workers(), 1u);
}

TEST_F(InlineTest, damaged_content_is_an_error_and_never_read) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "hello"));
  ASSERT_OK(run(file->close()));
  for (auto& [id, object] : master().objects) object.content[1] = 'X';
  auto reader = open(file->inode());
  Result<std::string> text = read(*reader, 0, 99);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Code::kCorrupt);
  EXPECT_EQ(to_errno(text.error()), EIO);
}

TEST_F(InlineTest, an_fsync_of_inline_content_asks_no_worker) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "hello"));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  ASSERT_OK(write(*file, 0, "HELLO"));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_FSYNC)));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "HELLO");
}

TEST_F(InlineTest, a_truncating_open_leaves_nothing_of_what_waited) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "what waits"));
  auto other = open(file->inode(), {.read = true, .write = true, .truncate = true});
  EXPECT_EQ(must_read(*other, 0, 99), "");
  ASSERT_OK(write(*other, 0, "new"));
  ASSERT_OK(run(other->close()));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), "new");
}

TEST_F(InlineTest, released_handles_are_ended_together) {
  start();
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 50; ++i) {
    files.push_back(create("f" + std::to_string(i)));
    ASSERT_OK(write(*files.back(), 0, "text"));
    ASSERT_OK(run(files.back()->flush()));
  }
  for (auto& file : files) ASSERT_OK(run(file->release()));
  EXPECT_EQ(master().handles.size(), 50u);
  world.run_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(master().handles.empty());
  EXPECT_EQ(master().executed("close_write"), 1);
}

TEST_F(InlineTest, a_release_with_something_to_commit_is_a_close) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  ASSERT_OK(run(file->release()));
  EXPECT_TRUE(master().handles.empty());
  EXPECT_EQ(committed(file->inode()), "text");
}

TEST_F(InlineTest, files_are_put_many_in_a_call_and_large_ones_one_by_one) {
  start();
  const std::string large = pattern(100'000, 1), small = pattern(4000, 2);
  std::vector<NewFile> files;
  for (int i = 0; i < 300; ++i)
    files.push_back({.parent = kRootInode, .name = "f" + std::to_string(i), .content = as_bytes(i == 100 ? large : small)});
  auto put = run(client->put_many({}, files));
  ASSERT_OK(put);
  ASSERT_EQ(put->size(), files.size());
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK((*put)[static_cast<size_t>(i)]);
    EXPECT_TRUE(committed(InodeId{master().names["f" + std::to_string(i)]}) == (i == 100 ? large : small)) << i;
  }
  EXPECT_EQ(master().executed("put_many"), 2);
  EXPECT_EQ(master().executed("create"), 1);
  auto again = run(client->put({}, {.parent = kRootInode, .name = "f1", .content = as_bytes("x"), .exclusive = true}));
  EXPECT_TRUE(!again && again.error().is_errno(EEXIST));
}

}  // namespace
}  // namespace forebay::client
