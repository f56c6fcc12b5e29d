#include "kv/memory_store.h"

#include <gtest/gtest.h>

#include "kv/store_contract.h"

namespace forebay::kv {
namespace {

class MemoryWorld : public StoreWorld {
 public:
  Result<std::unique_ptr<Store>> open() override { return disk_->open(); }

 private:
  std::shared_ptr<MemoryDisk> disk_ = MemoryDisk::create();
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(StoreMaker{[] { return std::make_unique<MemoryWorld>(); }}));

class FixedRandom : public os::Random {
 public:
  explicit FixedRandom(uint64_t value) : value_(value) {}
  uint64_t next() override { return value_; }

 private:
  uint64_t value_;
};

class MemoryDiskTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    store_ = std::move(*disk_->open());
  }
  Result<void> put(std::string_view key, std::string_view value) {
    WriteBatch batch;
    batch.put(key, value);
    return store_->write(batch);
  }
  std::shared_ptr<MemoryDisk> disk_ = MemoryDisk::create();
  std::unique_ptr<Store> store_;
};

TEST_F(MemoryDiskTest, a_crash_keeps_everything_written_and_stops_the_old_store) {
  ASSERT_TRUE(put("a", "1"));
  disk_->crash();
  auto refused = put("a", "2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBroken);
  EXPECT_EQ(store_->get("a").error().code(), Code::kBroken);
  EXPECT_EQ(store_->sync().error().code(), Code::kBroken);
  reopen();
  EXPECT_EQ(value_of(*store_, "a"), "1");
}

TEST_F(MemoryDiskTest, a_store_may_be_opened_while_the_dead_one_still_exists) {
  disk_->crash();
  auto opened = disk_->open();
  ASSERT_TRUE(opened);
  store_.reset();  // the dead one does not release what the new one holds
  EXPECT_FALSE(disk_->open());
}

TEST_F(MemoryDiskTest, a_power_cut_keeps_a_prefix_of_what_was_not_synced) {
  for (uint64_t kept : {0, 1, 2, 3}) {
    disk_ = MemoryDisk::create();
    reopen();
    ASSERT_TRUE(put("s", "synced"));
    ASSERT_TRUE(store_->sync());
    ASSERT_TRUE(put("s", "1"));
    ASSERT_TRUE(put("a", "2"));
    WriteBatch erases;
    erases.erase("s");
    ASSERT_TRUE(store_->write(erases));
    FixedRandom random(kept);
    disk_->power_cut(random);
    reopen();
    const Pairs expected[] = {{{"s", "synced"}}, {{"s", "1"}}, {{"a", "2"}, {"s", "1"}}, {{"a", "2"}}};
    EXPECT_EQ(all_in(*store_, "a", "z"), expected[kept]) << kept;
  }
}

TEST_F(MemoryDiskTest, a_lying_disk_loses_what_it_said_was_synced) {
  ASSERT_TRUE(put("a", "1"));
  disk_->set_lying(true);
  ASSERT_TRUE(store_->sync());
  FixedRandom none(0);
  disk_->power_cut(none);
  reopen();
  EXPECT_EQ(value_of(*store_, "a"), std::nullopt);
}

TEST_F(MemoryDiskTest, a_full_disk_refuses_without_effect_and_recovers) {
  disk_->set_full(true);
  auto refused = put("a", "1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kRejected);
  EXPECT_EQ(refused.error().error(), ENOSPC);
  EXPECT_EQ(value_of(*store_, "a"), std::nullopt);
  disk_->set_full(false);
  EXPECT_TRUE(put("a", "1"));
}

TEST_F(MemoryDiskTest, a_failed_write_leaves_the_store_broken) {
  disk_->fail_write_after(1);
  ASSERT_TRUE(put("a", "1"));
  EXPECT_EQ(put("b", "1").error().code(), Code::kBroken);
  EXPECT_EQ(put("c", "1").error().code(), Code::kBroken);
  EXPECT_EQ(store_->sync().error().code(), Code::kBroken);
  EXPECT_EQ(value_of(*store_, "a"), "1");
}

TEST_F(MemoryDiskTest, a_failed_sync_leaves_the_store_broken) {
  disk_->fail_sync_after(0);
  ASSERT_TRUE(put("a", "1"));
  EXPECT_EQ(store_->sync().error().code(), Code::kBroken);
  EXPECT_EQ(put("b", "1").error().code(), Code::kBroken);
}

}  // namespace
}  // namespace forebay::kv
