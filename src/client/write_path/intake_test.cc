// Writers that are slowed.
#include "client/write_path/intake.h"

#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class IntakeTest : public ClientTest {
 protected:
  IntakeTest() {
    config.first_object_bytes = kMiB;
    config.object_bytes = 4 * kMiB;
  }
  os::Instant now() { return client_process->env().clock.now(); }
  // How long it takes to write so much, a MiB at a time.
  Duration write_mib(File& file, int times) {
    const os::Instant began = now();
    for (int i = 0; i < times; ++i) EXPECT_OK(write(file, at_++ * kMiB, mib_));
    return now() - began;
  }
  static Task<void> write_one(File* file, const std::string* text, uint64_t offset, int* done) {
    EXPECT_OK(co_await file->pwrite(as_bytes(*text), offset));
    ++*done;
  }
  static Task<void> write_ten(File* file, const std::string* text, int* done) {
    for (uint64_t i = 0; i < 10; ++i) EXPECT_OK(co_await file->pwrite(as_bytes(*text), i * kMiB));
    ++*done;
  }
  static Task<void> try_to_write(File* file, const std::string* text, uint64_t offset, int* ended) {
    Result<void> ignored = co_await file->pwrite(as_bytes(*text), offset);
    (void)ignored;  // the client may be gone
    ++*ended;
  }
  const std::string mib_ = pattern(kMiB, 7);
  uint64_t at_ = 0;
};

TEST_F(IntakeTest, writes_go_at_the_rate_that_a_grant_told_and_at_once_when_it_is_over) {
  start();
  auto file = create("a");
  EXPECT_LT(write_mib(*file, 8), seconds(1));
  master().intake = 2 * kMiB;
  write_mib(*file, 8);  // the next grant tells
  const Duration slowed = write_mib(*file, 20);
  EXPECT_GT(slowed, seconds(9));
  EXPECT_LT(slowed, seconds(12));
  master().intake = 0;
  world.run_for(seconds(3));
  EXPECT_LT(write_mib(*file, 20), seconds(1));
  ASSERT_OK(run(file->close()));
}

TEST_F(IntakeTest, all_files_of_a_client_share_the_rate) {
  master().intake = 2 * kMiB;
  start();
  auto one = create("a"), two = create("b");
  int done = 0;
  const os::Instant began = now();
  for (File* file : {one.get(), two.get()}) async::spawn_detached(world.executor(), write_ten(file, &mib_, &done));
  ASSERT_TRUE(world.run_until([&] { return done == 2; }, seconds(60)));
  EXPECT_GT(now() - began, seconds(8));
  ASSERT_OK(run(one->close()));
  ASSERT_OK(run(two->close()));
}

TEST_F(IntakeTest, no_write_waits_longer_than_the_longest_pause) {
  config.longest_pause = seconds(2);
  master().intake = 1;
  start();
  auto file = create("a");
  write_mib(*file, 1);
  for (int i = 0; i < 5; ++i) EXPECT_LE(write_mib(*file, 1), milliseconds(2'500));
  ASSERT_OK(run(file->close()));
}

TEST_F(IntakeTest, reads_and_names_do_not_wait) {
  master().intake = 100 * kKiB;
  start();
  auto file = create("a");
  write_mib(*file, 2);
  int done = 0;
  async::spawn_detached(world.executor(), write_one(file.get(), &mib_, 2 * kMiB, &done));
  world.run_for(milliseconds(10));
  const os::Instant began = now();
  EXPECT_EQ(must_read(*file, 0, kMiB), mib_);
  create("b").reset();
  EXPECT_LT(now() - began, milliseconds(500));
  EXPECT_EQ(done, 0) << "the write waits, and holds nobody up";
  ASSERT_TRUE(world.run_until([&] { return done == 1; }, seconds(60)));
  ASSERT_OK(run(file->close()));
}

TEST_F(IntakeTest, whoever_waits_goes_on_at_once_when_writers_are_no_longer_slowed) {
  config.longest_pause = std::chrono::minutes(5);
  master().intake = 1;
  master().lease_ms = 9'000;
  start();
  auto file = create("a");
  write_mib(*file, 1);
  int done = 0;
  const os::Instant began = now();
  async::spawn_detached(world.executor(), write_one(file.get(), &mib_, kMiB, &done));
  world.run_for(seconds(5));
  EXPECT_EQ(done, 0);
  master().intake = 0;
  ASSERT_TRUE(world.run_until([&] { return done == 1; }, seconds(60)));
  EXPECT_LT(now() - began, seconds(8)) << "the session is renewed each second meanwhile";
  ASSERT_OK(run(file->close()));
}

TEST_F(IntakeTest, a_client_that_stops_waits_for_no_turn) {
  config.longest_pause = std::chrono::minutes(5);
  master().intake = 1;
  start();
  auto file = create("a");
  write_mib(*file, 1);
  int done = 0;
  async::spawn_detached(world.executor(), try_to_write(file.get(), &mib_, kMiB, &done));
  world.run_for(seconds(1));
  const os::Instant began = now();
  stop();
  EXPECT_LT(now() - began, seconds(10));
  ASSERT_TRUE(world.run_until([&] { return done == 1; }, seconds(1)));
}

TEST_F(IntakeTest, the_master_hears_how_long_writes_have_waited) {
  master().intake = kMiB;
  start();
  auto file = create("a");
  write_mib(*file, 10);
  world.run_for(seconds(2));
  EXPECT_GE(master().slowed_ms, 8'000u);
  EXPECT_LE(master().slowed_ms, 10'000u);
  ASSERT_OK(run(file->close()));
}

TEST_F(IntakeTest, what_the_master_keeps_itself_is_not_slowed) {
  config.inline_bytes = 16 * kKiB;
  start();
  auto large = create("large");
  master().intake = kKiB;
  write_mib(*large, 1);  // its grant tells
  const os::Instant began = now();
  for (int i = 0; i < 20; ++i) {
    auto file = create("f" + std::to_string(i));
    ASSERT_OK(write(*file, 0, pattern(4'000, i)));
    ASSERT_OK(run(file->close()));
  }
  EXPECT_LT(now() - began, seconds(1));
  ASSERT_OK(run(large->close()));
}

TEST_F(IntakeTest, a_limit_of_nothing_slows_nobody) {
  config.longest_pause = {};
  master().intake = 1;
  start();
  auto file = create("a");
  EXPECT_LT(write_mib(*file, 10), seconds(1));
  ASSERT_OK(run(file->close()));
}

TEST_F(IntakeTest, a_rate_that_is_not_told_again_is_forgotten) {
  master().intake = kKiB;
  start();
  auto file = create("a");
  write_mib(*file, 2);
  world.run_for(seconds(11));  // nobody writes: the session is renewed as usual, at a third of its lease
  EXPECT_LT(master().renewals, 20u);
  ASSERT_OK(run(file->close()));
}

// What the kernel writes by itself cannot be slowed: who flushes it waits.
TEST_F(IntakeTest, a_staged_file_that_has_grown_waits_at_its_flush_and_at_no_other) {
  add_worker(3, "c");  // on the client's own host
  master().full = {1, 2};
  start();
  auto file = create("a", {.read = true, .write = true, .stage = true});
  const std::optional<Backing> backing = run(file->backing());
  ASSERT_TRUE(backing && backing->writable);
  auto kernel = *client_process->env().files.open(worker(3).path_of(backing->object.value), os::OpenMode::kReadWrite);
  master().intake = kMiB;
  world.run_for(seconds(11));  // heard of with the renewal
  ASSERT_OK(kernel->write_at(as_bytes(pattern(3 * kMiB, 1)), 0));
  os::Instant began = now();
  ASSERT_OK(run(file->flush()));
  EXPECT_GT(now() - began, milliseconds(2'900));
  EXPECT_LT(now() - began, milliseconds(3'500));
  began = now();
  ASSERT_OK(run(file->flush()));
  EXPECT_LT(now() - began, milliseconds(100)) << "nothing is new";
  ASSERT_OK(write(*file, 3 * kMiB, mib_));
  began = now();
  ASSERT_OK(run(file->flush()));
  EXPECT_LT(now() - began, milliseconds(100)) << "those bytes came through the client, and waited there";
  kernel.reset();
  ASSERT_OK(run(file->close()));
}

}  // namespace
}  // namespace forebay::client
