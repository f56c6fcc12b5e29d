// Holes: fallocate.
#include <algorithm>

#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

class SpaceTest : public ClientTest {
 protected:
  Result<void> punch(File& file, uint64_t offset, uint64_t length) {
    return run(file.fallocate(offset, length, {.zero = true, .keep_size = true}));
  }
  Result<void> zero(File& file, uint64_t offset, uint64_t length) { return run(file.fallocate(offset, length, {.zero = true})); }
  Result<void> grow(File& file, uint64_t offset, uint64_t length) { return run(file.fallocate(offset, length, {})); }
  static std::string with_hole(std::string text, size_t offset, size_t length) {
    return text.replace(offset, length, std::string(length, '\0'));
  }
};

TEST_F(SpaceTest, a_hole_takes_what_was_written_before_it_and_nothing_after) {
  start();
  auto file = create("a");
  const std::string text = pattern(300'000, 1);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(punch(*file, 1'000, 200'000));
  EXPECT_EQ(must_read(*file, 0, 400'000), with_hole(text, 1'000, 200'000));
  ASSERT_OK(write(*file, 5'000, "after"));
  std::string expected = with_hole(text, 1'000, 200'000).replace(5'000, 5, "after");
  EXPECT_EQ(must_read(*file, 0, 400'000), expected);
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), expected);
}

TEST_F(SpaceTest, appended_bytes_have_their_place_before_a_hole_is_made) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "01234"));
  ASSERT_OK(append(*file, "56789"));
  ASSERT_OK(punch(*file, 4, 3));
  ASSERT_OK(append(*file, "x"));
  EXPECT_EQ(must_read(*file, 0, 20), with_hole("0123456789x", 4, 3));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()), with_hole("0123456789x", 4, 3));
}

TEST_F(SpaceTest, every_handle_of_the_file_sees_it) {
  start();
  auto one = create("a");
  ASSERT_OK(write(*one, 0, "0123456789"));
  ASSERT_OK(run(one->flush()));
  auto two = open(one->inode(), {.read = true, .write = true});
  EXPECT_EQ(must_read(*two, 0, 10), "0123456789");
  ASSERT_OK(punch(*one, 2, 3));
  EXPECT_EQ(must_read(*two, 0, 10), with_hole("0123456789", 2, 3));
  ASSERT_OK(run(two->close()));
  ASSERT_OK(run(one->close()));
}

TEST_F(SpaceTest, zeros_and_growth_change_the_size) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "0123456789"));
  ASSERT_OK(grow(*file, 5, 10));
  EXPECT_EQ(run(file->attr())->size(), 15u);
  ASSERT_OK(zero(*file, 8, 12));
  EXPECT_EQ(run(file->attr())->size(), 20u);
  EXPECT_EQ(must_read(*file, 0, 30), "01234567" + std::string(12, '\0'));
  ASSERT_OK(punch(*file, 0, 4));
  EXPECT_EQ(must_read(*file, 0, 30), std::string(4, '\0') + "4567" + std::string(12, '\0'));
  ASSERT_OK(run(file->close()));
}

TEST_F(SpaceTest, a_layout_in_pages_stays_right) {
  master().extents_in_page = 2;
  config.compact_from_extents = 0;
  start();
  auto file = create("a");
  std::string expected(100, '\0');
  for (size_t at = 0; at < 100; at += 10) {
    ASSERT_OK(write(*file, at, "xy"));
    expected.replace(at, 2, "xy");
  }
  ASSERT_OK(run(file->close()));
  auto again = open(file->inode(), {.read = true, .write = true});
  EXPECT_EQ(must_read(*again, 0, 5), expected.substr(0, 5));
  ASSERT_OK(punch(*again, 15, 30));
  EXPECT_EQ(must_read(*again, 0, 200), with_hole(expected, 15, 30).substr(0, 92));
  ASSERT_OK(run(again->close()));
}

TEST_F(SpaceTest, needs_a_handle_that_writes) {
  start();
  auto file = create("a");
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  EXPECT_EQ(punch(*reader, 0, 10).error().error(), EBADF);
  ASSERT_OK(run(reader->close()));
  EXPECT_EQ(punch(*reader, 0, 10).error().error(), EBADF);
}

TEST_F(SpaceTest, bytes_that_were_punched_count_as_dead_space) {
  config.compact_dead_bytes = 900'000;  // of the first object, which is sealed
  config.compact_from_extents = 1;
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, pattern(4'000'000, 1)));
  ASSERT_OK(run(file->flush()));
  ASSERT_OK(punch(*file, 100'000, 3'000'000));
  const auto is_compacted = [this] {
    return std::ranges::any_of(master().commits,
                               [](const v1::CommitRequest& commit) { return commit.same_bytes_at_layout() != 0; });
  };
  EXPECT_TRUE(world.run_until(is_compacted, std::chrono::minutes(1))) << "what is left is written together";
  ASSERT_OK(run(file->close()));
}

TEST_F(SpaceTest, a_capability_that_is_set_after_a_write_is_not_taken_by_it) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "bytes"));
  v1::SetXattrRequest request;
  request.set_inode(file->inode().value);
  request.set_name("user.a");
  ASSERT_OK(run(client->set_xattr({}, request)));
  EXPECT_EQ(master().executed("commit"), 0);
  request.set_name("security.capability");
  ASSERT_OK(run(client->set_xattr({}, request)));
  EXPECT_EQ(master().executed("commit"), 1);
  ASSERT_OK(run(file->close()));
}

}  // namespace
}  // namespace forebay::client
