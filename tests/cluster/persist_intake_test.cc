// Writers that are faster than what they write is persisted, in a cluster that is nearly full.
#include <algorithm>

#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// Each write to the store takes its time.
class SlowStore final : public ufs::StoreFaults {
 public:
  ufs::StoreFault next(const ufs::StoreRequest& request) override {
    if (!request.writes) return {};
    return {.kind = ufs::StoreFaultKind::kSlow, .delay = delay};
  }
  Duration delay = seconds(4);
};

class SlowedWriterTest : public PersistTest {
 protected:
  static constexpr uint64_t kFile = 200'000;
  static constexpr uint64_t kRoom = 16 * kMiB;  // of both workers

  void start_slow(Duration longest_pause, const std::string& policies = R"("onDelete": "delete", "evict": "clean")") {
    start({.policies = policies,
           .faults = &store_,
           .quota_bytes = kRoom / 2,
           .small_bytes = kMiB,
           .slow_from = 0.8,
           .longest_pause = longest_pause});
  }
  // Writes files without a pause of its own, but for one in which the master sees that there are some; how many succeeded before
  // one did not.
  int write_files(int from, int count) {
    for (int i = 0; i < count; ++i) {
      if (i == 45) cluster->world().run_for(seconds(2));  // half of the room is taken
      Result<void> written = cluster->write(name(from + i), pattern(kFile, from + i));
      if (!written) {
        EXPECT_TRUE(written.error().is_errno(ENOSPC)) << written.error().to_string();
        return i;
      }
    }
    return count;
  }
  static std::string name(int index) { return "f" + std::to_string(1000 + index); }
  v1::IntakeReport intake() {
    auto report = cluster->run(cluster->client().report());
    EXPECT_TRUE(report);
    return report ? report->intake() : v1::IntakeReport{};
  }
  os::Instant now() { return cluster->client_clock().now(); }

  SlowStore store_;
};

TEST_F(SlowedWriterTest, without_slowing_a_writer_faster_than_the_store_hears_enospc) {
  start_slow({});
  EXPECT_LT(write_files(0, 400), 150);
}

TEST_F(SlowedWriterTest, a_writer_faster_than_the_store_goes_at_the_stores_pace_and_never_hears_enospc) {
  start_slow(seconds(5));
  const int files = 400;  // five times what there is room for
  ASSERT_EQ(write_files(0, files), files);
  EXPECT_GT(intake().waited_ms(), 10'000u);
  ASSERT_TRUE(cluster->settle());
  cluster->world().run_for(minutes(1));
  EXPECT_FALSE(intake().slowed()) << "it has recovered by itself";
  const os::Instant began = now();
  ASSERT_EQ(write_files(files, 10), 10);
  EXPECT_LT(now() - began, seconds(1));
  std::map<std::string, std::string> expected;
  for (int i = 0; i < files + 10; ++i) expected["k/" + name(i)] = pattern(kFile, i);
  expect_store(expected);
}

TEST_F(SlowedWriterTest, reads_and_removals_go_at_full_speed_meanwhile) {
  start_slow(seconds(5));
  int written = write_files(0, 100);
  ASSERT_EQ(written, 100);
  for (; !intake().slowed(); ++written) {
    ASSERT_LT(written, 1'000);
    ASSERT_EQ(write_files(written, 1), 1);
  }
  const os::Instant began = now();
  std::vector<std::string> cached;
  for (int i = written - 1; i > written - 20; --i) {
    if (cluster->copies(name(i))[0] == 0) cached.push_back(name(i));
  }
  ASSERT_GE(cached.size(), 6u);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(cluster->read(cached[i]));
  for (size_t i = 3; i < cached.size(); ++i) must(cluster->unlink(cached[i]));
  EXPECT_LT(now() - began, seconds(1));
}

TEST_F(SlowedWriterTest, while_the_store_is_away_writers_are_slowed_then_hear_enospc_and_go_on_when_it_is_back) {
  start_slow(seconds(5));
  store_.delay = std::chrono::hours(1);
  const os::Instant began = now();
  const int written = write_files(0, 400);
  EXPECT_LT(written, 100);
  EXPECT_GT(now() - began, seconds(10)) << "slowed before they fail";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(cluster->read(name(i)));
  must(cluster->unlink(name(0)));
  store_.delay = std::chrono::milliseconds(10);
  cluster->world().run_for(std::chrono::hours(2));
  EXPECT_EQ(write_files(500, 20), 20);
}

TEST_F(SlowedWriterTest, where_nothing_leaves_by_itself_nobody_is_slowed_before_enospc) {
  start_slow(seconds(5), R"("onDelete": "delete")");
  const os::Instant began = now();
  EXPECT_LT(write_files(0, 400), 150);
  EXPECT_LT(now() - began, seconds(60));
  EXPECT_EQ(intake().waited_ms(), 0u);
}

}  // namespace
}  // namespace forebay::cluster
