#include "ufs/memory_store.h"

#include "os/simulation.h"
#include "ufs/store_contract.h"

namespace forebay::ufs {
namespace {

MemoryBucketConfig nas() {
  MemoryBucketConfig config;
  for (Feature feature : {Feature::kFencedPut, Feature::kRename, Feature::kDirectories, Feature::kAttributes})
    config.features.set(feature);
  return config;
}

class MemoryWorld final : public StoreWorld {
 public:
  explicit MemoryWorld(MemoryBucketConfig config) : bucket_(std::move(config)) {}
  ~MemoryWorld() override { loop_.stop(); }
  UnderStore& store() override { return store_; }
  UnderStore& other() override { return other_; }
  void write_foreign(const std::string& key, const std::string& content) override { bucket_.write_foreign(key, content); }
  async::Executor executor() override { return loop_.executor(); }

 private:
  async::Loop loop_{"memory-store"};
  MemoryBucket bucket_;
  MemoryStore store_{bucket_, os::real_clock()}, other_{bucket_, os::real_clock()};
};

INSTANTIATE_TEST_SUITE_P(MemoryObjects, StoreContract,
                         testing::Values(WorldMaker{[] { return std::make_unique<MemoryWorld>(MemoryBucketConfig{}); }}));
INSTANTIATE_TEST_SUITE_P(MemoryNas, StoreContract,
                         testing::Values(WorldMaker{[] { return std::make_unique<MemoryWorld>(nas()); }}));

// In virtual time.
class MemoryStoreTest : public testing::Test {
 protected:
  ~MemoryStoreTest() override { process_->crash(); }
  Result<Identity> put(MemoryStore& store, const std::string& key, const std::string& content, Condition condition,
                       Call call = {}) {
    TextSource source(content);
    auto done =
        world_.complete(store.put({key, stamp_of(content), std::move(condition), "op"}, &source, call), std::chrono::hours(1));
    return done ? *done : broken("the call does not end");
  }

  os::SimWorld world_{{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "test");
  MemoryBucket bucket_;
};

TEST_F(MemoryStoreTest, takes_its_latency_in_virtual_time) {
  MemoryStore store(bucket_, process_->env().clock, {.latency = std::chrono::seconds(10)});
  const os::Instant before = world_.time().now();
  ASSERT_TRUE(put(store, "a", "x", Condition::none()));
  EXPECT_GE(world_.time().now() - before, std::chrono::seconds(10));
}

TEST_F(MemoryStoreTest, a_deadline_before_the_effect_changes_nothing_and_one_after_it_is_unknown) {
  MemoryStore store(bucket_, process_->env().clock, {.latency = std::chrono::seconds(10)});
  const os::Instant now = process_->env().clock.now();
  Result<Identity> early = put(store, "early", "x", {}, {.deadline = now + std::chrono::seconds(3)});
  ASSERT_FALSE(early);
  EXPECT_EQ(failure_of(early.error()), Failure::kUnknown);
  EXPECT_FALSE(bucket_.content("early"));
  Result<Identity> late = put(store, "late", "x", {}, {.deadline = process_->env().clock.now() + std::chrono::seconds(8)});
  ASSERT_FALSE(late);
  EXPECT_EQ(failure_of(late.error()), Failure::kUnknown);
  EXPECT_EQ(bucket_.content("late"), "x");
}

TEST_F(MemoryStoreTest, keeps_a_history_of_every_key) {
  MemoryStore store(bucket_, process_->env().clock, {.who = "worker-1"});
  ASSERT_TRUE(put(store, "a", "first", Condition::absent()));
  bucket_.write_foreign("a", "theirs");
  ASSERT_FALSE(put(store, "a", "second", Condition::absent()));
  bucket_.remove_foreign("a");
  const std::vector<KeyChange> changes = bucket_.changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].who, "worker-1");
  EXPECT_FALSE(changes[0].before);
  EXPECT_EQ(changes[0].after->stamp, stamp_of("first"));
  EXPECT_EQ(changes[1].before, changes[0].after);
  EXPECT_FALSE(changes[1].after->stamp);
  EXPECT_EQ(changes[1].after->crc32c, crc32c(as_bytes("theirs")));
  EXPECT_FALSE(changes[2].after);
  const std::vector<RequestRecord> requests = bucket_.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[0].succeeded);
  EXPECT_FALSE(requests[1].succeeded);
}

TEST_F(MemoryStoreTest, drops_the_oldest_log_entries_at_its_limit_and_counts_them) {
  MemoryBucket small({.log_entries = 2});
  for (int i = 0; i < 5; ++i) small.write_foreign("a", std::to_string(i));
  EXPECT_EQ(small.changes().size(), 2u);
  EXPECT_EQ(small.changes().back().sequence, 5u);
  EXPECT_EQ(small.dropped(), 3u);
}

}  // namespace
}  // namespace forebay::ufs
