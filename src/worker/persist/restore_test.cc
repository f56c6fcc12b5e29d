// Blocks that are fetched in several ranges at a time.
#include "base/crc32c.h"
#include "worker/persist/task_fixture.h"

namespace forebay::worker {
namespace {

using ufs::StoreFaultKind;

// A block that is fetched in ten ranges, four at a time.
class RangesTest : public TaskTableTest {
 protected:
  RangesTest() { config.transfer = {.part_bytes = 100'000, .parallel = 4}; }

  Outcome restore(std::vector<ufs::ScriptedFaults::Rule> rules) {
    begin(std::move(rules));
    bucket.write_foreign("a", content);
    task = request(v1::OPERATION_RESTORE, "a", kLength);
    expect_at_key(task, bucket.state("a")->identity.text);
    lay(task, kAt, 1, kLength, false);
    return outcome_of(task);
  }
  Outcome restore_again() {
    task.mutable_task()->mutable_operation()->set_operation(99);
    return outcome_of(task);
  }
  size_t gets() {
    return static_cast<size_t>(
        std::ranges::count_if(bucket.requests(), [](const ufs::RequestRecord& each) { return each.operation == "get"; }));
  }
  void expect_restored(const Outcome& outcome) {
    ASSERT_EQ(outcome.done().restored_size(), 1) << outcome.DebugString();
    EXPECT_EQ(outcome.done().restored(0).crc32c(), crc32c(as_bytes(content.substr(kAt, kLength))));
    std::string got(kLength, '\0');
    ASSERT_TRUE(objects->read(ObjectId{1}, std::as_writable_bytes(std::span(got.data(), got.size())), 0));
    EXPECT_TRUE(got == content.substr(kAt, kLength));
  }
  static std::vector<ufs::ScriptedFaults::Rule> third_get(StoreFaultKind kind) {
    return {{.operation = "get", .key = "", .fault = {kind, {}}, .passes = 2}};
  }

  static constexpr uint64_t kAt = 123'456, kLength = 950'000;
  const std::string content = pattern(1'200'000);
  v1::RunTaskRequest task;
};

TEST_F(RangesTest, are_put_together) {
  expect_restored(restore({}));
  EXPECT_EQ(gets(), 10U);
}

TEST_F(RangesTest, one_that_finds_another_object_ends_the_restore_and_leaves_nothing) {
  const Outcome outcome = restore(third_get(StoreFaultKind::kConflict));
  EXPECT_TRUE(outcome.has_refused()) << outcome.DebugString();
  EXPECT_EQ(objects->object_count(), 0U);
  EXPECT_LT(gets(), 10U);
}

TEST_F(RangesTest, one_that_ends_early_fails_the_restore_and_the_next_attempt_succeeds) {
  const Outcome outcome = restore(third_get(StoreFaultKind::kTruncated));
  ASSERT_TRUE(outcome.has_failed()) << outcome.DebugString();
  EXPECT_FALSE(outcome.failed().permanent());
  EXPECT_EQ(objects->object_count(), 0U);
  expect_restored(restore_again());
}

TEST_F(RangesTest, one_that_is_refused_fails_the_restore_and_the_next_attempt_succeeds) {
  const Outcome outcome = restore(third_get(StoreFaultKind::kBusy));
  ASSERT_TRUE(outcome.has_failed()) << outcome.DebugString();
  EXPECT_EQ(objects->object_count(), 0U);
  expect_restored(restore_again());
}

TEST_F(RangesTest, one_that_hangs_is_told_to_stop_when_nothing_has_moved_for_long) {
  config.stall = std::chrono::seconds(5);
  const os::Instant begun = process->env().clock.now();
  const Outcome outcome = restore(third_get(StoreFaultKind::kHang));
  EXPECT_FALSE(outcome.has_done()) << outcome.DebugString();
  EXPECT_LT(process->env().clock.now() - begun, std::chrono::seconds(10));
  EXPECT_EQ(objects->object_count(), 0U);
}

}  // namespace
}  // namespace forebay::worker
