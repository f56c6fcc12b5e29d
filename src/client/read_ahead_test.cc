#include "client/read_path/read_ahead.h"

#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

class ReadAheadTest : public ClientTest {
 protected:
  std::unique_ptr<File> written(size_t length) {
    text = pattern(length, 1);
    auto file = create("a");
    EXPECT_OK(write(*file, 0, text));
    EXPECT_OK(run(file->close()));
    return open(file->inode());
  }
  void read_all(File& file, size_t at_once) {
    for (size_t at = 0; at < text.size(); at += at_once) {
      ASSERT_TRUE(must_read(file, at, at_once) == text.substr(at, at_once)) << at;
    }
    EXPECT_EQ(must_read(file, text.size(), 100), "");
  }
  std::string text;
};

TEST_F(ReadAheadTest, a_sequential_reader_gets_right_bytes_and_each_byte_is_fetched_once) {
  start();
  auto file = written(20 * kMiB + 777);
  read_all(*file, 100'000);
  EXPECT_LE(worker(1).calls("read_object"), 30);
}

TEST_F(ReadAheadTest, several_requests_are_on_their_way_at_once) {
  start();
  auto file = written(16 * kMiB);
  for (int i = 0; i < 32; ++i) worker(1).delay("read_object", std::chrono::milliseconds(50));
  const os::Instant begun = client_process->env().clock.now();
  read_all(*file, kMiB);
  EXPECT_LT(client_process->env().clock.now() - begun, std::chrono::milliseconds(16 * 50 / 2));
}

TEST_F(ReadAheadTest, a_random_reader_fetches_nothing_ahead) {
  start();
  auto file = written(10 * kMiB);
  os::SimRandom random(2);
  for (int i = 0; i < 50; ++i) {
    const uint64_t at = random.below(text.size() - 5'000);
    ASSERT_TRUE(must_read(*file, at, 4'096) == text.substr(at, 4'096));
  }
  EXPECT_LE(worker(1).calls("read_object"), 60);
}

TEST_F(ReadAheadTest, what_this_client_writes_meanwhile_is_read) {
  start();
  written(8 * kMiB);
  auto file = open(InodeId{master().names["a"]}, {.read = true, .write = true});
  for (size_t at = 0; at < text.size(); at += 256 * kKiB) {
    ASSERT_TRUE(must_read(*file, at, 256 * kKiB) == text.substr(at, 256 * kKiB)) << at;
    if (at + 300 * kKiB < text.size()) {
      text.replace(at + 280 * kKiB, 3, "new");
      ASSERT_OK(write(*file, at + 280 * kKiB, "new"));
    }
  }
}

// What is not committed yet is written over where it is: no extent changes.
TEST_F(ReadAheadTest, what_is_written_again_after_it_was_fetched_is_read) {
  start();
  written(8 * kMiB);
  auto file = open(InodeId{master().names["a"]}, {.read = true, .write = true});
  auto other = open(file->inode());
  for (std::string_view word : {"first", "again", "third"}) {
    text.replace(600 * kKiB, word.size(), word);
    ASSERT_OK(write(*file, 600 * kKiB, word));
    for (File* reader : {file.get(), other.get()}) {
      for (size_t at = 0; at < 512 * kKiB; at += 256 * kKiB) must_read(*reader, at, 256 * kKiB);
    }
    world.run_for(std::chrono::seconds(1));  // what comes next has been fetched
    text.replace(600 * kKiB, 5, "later");
    ASSERT_OK(write(*file, 600 * kKiB, "later"));
    for (File* reader : {file.get(), other.get()})
      ASSERT_TRUE(must_read(*reader, 512 * kKiB, 256 * kKiB) == text.substr(512 * kKiB, 256 * kKiB)) << word;
  }
}

TEST_F(ReadAheadTest, readers_beyond_the_limit_of_all_go_without) {
  config.read_ahead_total_bytes = 3 * kMiB;
  start();
  auto one = written(8 * kMiB);
  auto two = open(one->inode());
  for (size_t at = 0; at < text.size(); at += 512 * kKiB) {
    ASSERT_TRUE(must_read(*one, at, 512 * kKiB) == text.substr(at, 512 * kKiB));
    ASSERT_TRUE(must_read(*two, at, 512 * kKiB) == text.substr(at, 512 * kKiB));
  }
}

// Objects of 4 MiB in turn on both workers, each of which answers one request after the other.
TEST_F(ReadAheadTest, a_reader_that_waits_reads_from_several_workers_at_once) {
  config.first_object_bytes = config.object_bytes = 4 * kMiB;
  config.read_ahead_bytes = 2 * kMiB;
  config.read_ahead_most_bytes = 8 * kMiB;
  config.read_ahead_total_bytes = 9 * kMiB;
  config.read_window = 2;
  start();
  text = pattern(48 * kMiB, 1);
  auto file = create("a");
  for (size_t at = 0; at < text.size(); at += 4 * kMiB) {
    master().full = {at / (4 * kMiB) % 2 == 0 ? uint64_t{2} : uint64_t{1}};
    ASSERT_OK(write(*file, at, std::string_view(text).substr(at, 4 * kMiB)));
  }
  ASSERT_OK(run(file->close()));
  ASSERT_GE(worker(2).bytes_written, 20 * kMiB);
  auto reader = open(file->inode());
  const auto timed = [&] {
    for (int i = 0; i < 100; ++i)
      for (auto& worker : workers) worker->delay("read_object", std::chrono::milliseconds(50));
    const os::Instant begun = client_process->env().clock.now();
    read_all(*reader, kMiB);
    return client_process->env().clock.now() - begun;
  };
  const Duration together = timed();
  const int both = worker(1).calls("read_object") + worker(2).calls("read_object");
  EXPECT_LE(both, 52) << "each byte once";
  // Two requests at a time at each of two workers: 12 rounds of 50 ms, and the time until the window is wide.
  EXPECT_LT(together, std::chrono::milliseconds(48 * 50 / 3));
}

TEST_F(ReadAheadTest, a_reader_that_never_waits_fetches_no_further_than_it_has_to) {
  config.read_ahead_bytes = 2 * kMiB;
  start();
  auto file = written(32 * kMiB);
  for (size_t at = 0; at < 16 * kMiB; at += kMiB) {
    must_read(*file, at, kMiB);
    world.run_for(std::chrono::seconds(1));
  }
  EXPECT_LE(worker(1).calls("read_object"), 16 + 3);
}

TEST_F(ReadAheadTest, a_failure_ahead_is_told_only_to_the_read_that_needs_the_bytes) {
  config.retry_for = std::chrono::seconds(10);
  start();
  auto file = written(4 * kMiB);
  must_read(*file, 0, 100'000);
  must_read(*file, 100'000, 100'000);  // begins to fetch ahead
  world.run_for(std::chrono::seconds(1));
  worker(1).process().crash();
  EXPECT_TRUE(must_read(*file, 200'000, 100'000) == text.substr(200'000, 100'000));
  auto late = read(*file, 3 * kMiB, 100'000);
  ASSERT_FALSE(late);
  EXPECT_EQ(to_errno(late.error()), EIO);
}

}  // namespace
}  // namespace forebay::client
