// Space of bytes that wait in the client: reserved before they are accepted, without a call for each file.
#include "client/write_path/space_holds.h"
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

class SpaceHoldsTest : public ClientTest {
 protected:
  // Of a worker whose disk is full.
  static std::optional<Status> full() { return elsewhere("the disk is full", ENOSPC).error(); }
  uint64_t held(FakeWorker& worker) {
    uint64_t bytes = 0;
    for (const auto& [hold, size] : worker.holds) bytes += size;
    return bytes;
  }
  static Task<void> room_comes(os::Clock* clock, FakeMaster* master) {
    co_await clock->sleep(seconds(20), {});
    master->full = {};
  }
  void expect_complete(File& file, const std::string& text) {
    ASSERT_OK(run(file.close()));
    EXPECT_TRUE(committed(file.inode()) == text);
  }
};

TEST_F(SpaceHoldsTest, many_short_files_take_their_space_from_one_hold) {
  start();
  for (int i = 0; i < 40; ++i) {
    auto file = create("f" + std::to_string(i));
    ASSERT_OK(write(*file, 0, pattern(1000, i)));
    expect_complete(*file, pattern(1000, i));
  }
  EXPECT_EQ(worker(1).objects_from_holds, 40u);
  EXPECT_LE(worker(1).calls("hold_space"), 3) << "once, and when half of it was used";
  EXPECT_GE(held(worker(1)), config.hold_bytes / 2);
  EXPECT_EQ(worker(2).calls("hold_space"), 0);
}

TEST_F(SpaceHoldsTest, files_that_wait_at_the_same_time_are_all_covered) {
  start();
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 30; ++i) {
    files.push_back(create("f" + std::to_string(i)));
    ASSERT_OK(write(*files.back(), 0, std::string(100'000, 'a')));
    ASSERT_GE(held(worker(1)), (i + 1) * SpaceHolds::taken_by(100'000));
  }
  EXPECT_EQ(worker(1).bytes_written, 0u) << "they wait";
  for (auto& file : files) expect_complete(*file, std::string(100'000, 'a'));
  EXPECT_EQ(worker(1).objects_from_holds, 30u);
}

TEST_F(SpaceHoldsTest, without_a_hold_the_space_is_reserved_before_the_write_is_answered) {
  start();
  worker(1).may_hold = 0;
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  ASSERT_EQ(worker(1).objects.size(), 1u);
  EXPECT_GE(worker(1).objects.begin()->second.reserved, 4u);
  expect_complete(*file, "text");
}

TEST_F(SpaceHoldsTest, a_worker_that_knows_nothing_of_holds_is_written_to_all_the_same) {
  start();
  worker(1).always("hold_space", [] { return std::optional(invalid("no such method").error()); });
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  expect_complete(*file, "text");
}

TEST_F(SpaceHoldsTest, workers_without_room_are_told_at_the_write_of_a_short_file) {
  config.retry_for = seconds(5);
  start();
  auto file = create("a");
  for (auto& each : workers) {
    each->may_hold = 0;
    each->always("write_object", full);
  }
  Result<void> written = write(*file, 0, "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), ENOSPC);
  for (auto& each : workers) each->always("write_object", nullptr);
  EXPECT_OK(run(file->close()));
}

TEST_F(SpaceHoldsTest, workers_without_room_are_told_at_the_write_of_a_long_file) {
  config.retry_for = seconds(5);
  start();
  auto file = create("a");
  for (auto& each : workers) each->always("write_object", full);
  Result<void> written = write(*file, 0, std::string(kMiB, 'a'));
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), ENOSPC);
  for (auto& each : workers) each->always("write_object", nullptr);
  EXPECT_OK(run(file->close()));
}

TEST_F(SpaceHoldsTest, a_short_file_that_grows_keeps_what_was_accepted_when_there_is_no_more_room) {
  config.retry_for = seconds(5);
  start();
  auto file = create("a");
  const std::string text = pattern(100'000, 1);
  ASSERT_OK(write(*file, 0, text));
  for (auto& each : workers) each->always("reserve_object", full);
  master().full = {1, 2};
  Result<void> written = write(*file, text.size(), text);
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), ENOSPC);
  expect_complete(*file, text);
}

TEST_F(SpaceHoldsTest, accepted_bytes_whose_worker_is_lost_wait_until_another_has_room) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  master().full = {2};
  worker(1).process().crash();
  async::spawn_detached(world.executor(), room_comes(&client_process->env().clock, &master()));
  const os::Instant begun = client_process->env().clock.now();
  expect_complete(*file, "text");
  EXPECT_GE(client_process->env().clock.now() - begun, seconds(20));
}

TEST_F(SpaceHoldsTest, a_hold_is_renewed_while_bytes_wait_and_given_back_when_nobody_uses_it) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  const int asked = worker(1).calls("hold_space");
  world.run_for(seconds(60));
  EXPECT_GE(worker(1).calls("hold_space"), asked + 5);
  EXPECT_GE(held(worker(1)), SpaceHolds::taken_by(4));
  expect_complete(*file, "text");
  world.run_for(seconds(30));
  EXPECT_EQ(held(worker(1)), 0u);
  const int asked_now = worker(1).calls("hold_space");
  world.run_for(seconds(60));
  EXPECT_EQ(worker(1).calls("hold_space"), asked_now) << "what is given back is not renewed";
}

TEST_F(SpaceHoldsTest, a_client_that_stops_gives_everything_back) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  expect_complete(*file, "text");
  EXPECT_GT(held(worker(1)), 0u);
  stop();
  EXPECT_EQ(held(worker(1)), 0u);
}

TEST_F(SpaceHoldsTest, what_a_lost_reply_may_have_used_is_not_used_twice) {
  start();
  for (int i = 0; i < 20; ++i) {
    auto file = create("f" + std::to_string(i));
    if (i % 3 == 0) worker(1).lose_reply("write_object");
    ASSERT_OK(write(*file, 0, std::string(100'000, 'a')));
    expect_complete(*file, std::string(100'000, 'a'));
    EXPECT_GT(held(worker(1)), 0u) << "the worker never runs dry before the client does";
  }
}

}  // namespace
}  // namespace forebay::client
