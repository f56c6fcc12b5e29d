#include "journal/local_journal.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "async/loop.h"
#include "kv/memory_store.h"
#include "kv/store_contract.h"

namespace forebay::journal {
namespace {

class NoneKept : public os::Random {
 public:
  uint64_t next() override { return 0; }
};

class LocalJournalTest : public testing::Test {
 protected:
  Result<void> append(std::string_view key, std::string_view value) {
    kv::WriteBatch batch;
    batch.put(key, value);
    return async::block_on(loop_.executor(), journal_.append(&batch));
  }
  Result<void> sync() { return async::block_on(loop_.executor(), journal_.sync()); }

  async::Loop loop_{"journal"}, blocking_{"blocking"};
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store_ = std::move(*disk_->open());
  LocalJournal journal_{*store_, blocking_.executor()};
};

TEST_F(LocalJournalTest, an_appended_batch_is_visible_and_survives_the_process) {
  ASSERT_TRUE(append("a", "1"));
  EXPECT_EQ(kv::value_of(*store_, "a"), "1");
  disk_->crash();
  EXPECT_EQ(kv::value_of(**disk_->open(), "a"), "1");
}

TEST_F(LocalJournalTest, what_was_synced_survives_power_loss) {
  ASSERT_TRUE(append("a", "1"));
  ASSERT_TRUE(sync());
  ASSERT_TRUE(append("b", "1"));
  NoneKept random;
  disk_->power_cut(random);
  auto store = std::move(*disk_->open());
  EXPECT_EQ(kv::value_of(*store, "a"), "1");
  EXPECT_EQ(kv::value_of(*store, "b"), std::nullopt);
}

TEST_F(LocalJournalTest, a_full_disk_is_refused_and_recovers) {
  disk_->set_full(true);
  EXPECT_EQ(append("a", "1").error().error(), ENOSPC);
  disk_->set_full(false);
  EXPECT_TRUE(append("a", "1"));
}

TEST_F(LocalJournalTest, after_a_failed_append_or_sync_nothing_is_accepted) {
  disk_->fail_sync_after(0);
  ASSERT_TRUE(append("a", "1"));
  EXPECT_EQ(sync().error().code(), Code::kBroken);
  EXPECT_EQ(append("b", "1").error().code(), Code::kBroken);
}

}  // namespace
}  // namespace forebay::journal
