// Uploads beside clients that write.
#include "worker/persist/upload_pace.h"

#include "worker/persist/task_fixture.h"

namespace forebay::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One file of 4 MiB that would take four seconds beside a writer.
class UploadPaceTest : public TaskTableTest {
 protected:
  void SetUp() override {
    TaskTableTest::SetUp();
    config.bytes_per_second_beside_writers = kMiB;
    writers = std::make_unique<Writers>(process->env(), "", obs::null_log());
    seal(1, content);
  }
  // So long a task takes beside a client that writes for so long.
  Duration time_of(v1::RunTaskRequest task, Duration written_for) {
    std::stop_source over;
    async::Event ended;
    async::spawn_detached(world.executor(), keep_writing(this, written_for, over.get_token(), &ended));
    const os::Instant before = process->env().clock.now();
    const Outcome outcome = outcome_of(task);
    EXPECT_TRUE(outcome.has_done()) << outcome.DebugString();
    const Duration took = process->env().clock.now() - before;
    over.request_stop();
    EXPECT_TRUE(world.run_until([&] { return ended.is_set(); }, seconds(1)));
    return took;
  }
  static Task<void> keep_writing(UploadPaceTest* test, Duration how_long, std::stop_token stop, async::Event* ended) {
    for (Duration passed{}; passed < how_long && !stop.stop_requested(); passed += milliseconds(500)) {
      test->writers->began();
      co_await test->process->env().clock.sleep(milliseconds(500), stop);
    }
    ended->set();
  }
  Duration upload(Duration written_for) {
    begin();
    v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", content.size());
    lay(task, 0, 1, content.size());
    return time_of(std::move(task), written_for);
  }

  const std::string content = pattern(4 * kMiB);
};

TEST_F(UploadPaceTest, goes_as_fast_as_it_can_while_nobody_writes) { EXPECT_LT(upload({}), milliseconds(100)); }

TEST_F(UploadPaceTest, goes_at_the_rate_that_is_set_beside_a_writer_and_never_slower) {
  const Duration took = upload(seconds(60));
  EXPECT_GE(took, milliseconds(3'900));
  EXPECT_LE(took, milliseconds(4'300));
}

TEST_F(UploadPaceTest, goes_on_at_full_speed_when_the_writer_has_ended) {
  const Duration took = upload(milliseconds(500));
  EXPECT_GE(took, milliseconds(1'000));
  EXPECT_LE(took, milliseconds(3'500));
}

TEST_F(UploadPaceTest, is_as_fast_as_it_can_be_while_writers_wait_for_room) {
  const uint64_t rest = 58 * kMiB;  // with the file above the high watermark of 64 MiB
  ASSERT_TRUE(objects->write(ObjectId{2}, as_bytes(content), 0, rest));
  EXPECT_LT(upload(seconds(60)), milliseconds(100));
}

TEST_F(UploadPaceTest, a_restore_is_not_slowed) {
  begin();
  bucket.write_foreign("a", content);
  v1::RunTaskRequest task = request(v1::OPERATION_RESTORE, "a", content.size());
  expect_at_key(task, bucket.state("a")->identity.text);
  lay(task, 0, 3, content.size(), false);
  EXPECT_LT(time_of(std::move(task), seconds(60)), milliseconds(100));
}

TEST_F(UploadPaceTest, can_be_turned_off) {
  config.bytes_per_second_beside_writers = 0;
  EXPECT_LT(upload(seconds(60)), milliseconds(100));
}

}  // namespace
}  // namespace forebay::worker
