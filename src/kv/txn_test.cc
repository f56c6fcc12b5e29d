#include "kv/txn.h"

#include <gtest/gtest.h>

#include "kv/memory_store.h"
#include "kv/store_contract.h"

namespace forebay::kv {
namespace {

class TxnTest : public testing::Test {
 protected:
  TxnTest() : store_(std::move(*disk_->open())) {
    WriteBatch batch;
    for (const char* key : {"a", "c", "e"}) batch.put(key, "stored");
    EXPECT_TRUE(store_->write(batch));
  }
  std::shared_ptr<MemoryDisk> disk_ = MemoryDisk::create();
  std::unique_ptr<Store> store_;
};

TEST_F(TxnTest, reads_its_own_changes_over_the_base) {
  Txn txn(*store_);
  txn.put("c", "mine");
  txn.erase("a");
  EXPECT_EQ(value_of(txn, "a"), std::nullopt);
  EXPECT_EQ(value_of(txn, "c"), "mine");
  EXPECT_EQ(value_of(txn, "e"), "stored");
  EXPECT_EQ(value_of(*store_, "c"), "stored");
}

TEST_F(TxnTest, scan_merges_in_order) {
  Txn txn(*store_);
  txn.put("b", "mine");
  txn.put("c", "mine");
  txn.erase("e");
  txn.put("f", "mine");
  txn.put("0", "mine");
  EXPECT_EQ(all_in(txn, "", "z"), (Pairs{{"0", "mine"}, {"a", "stored"}, {"b", "mine"}, {"c", "mine"}, {"f", "mine"}}));
  EXPECT_EQ(all_in(txn, "b", "f"), (Pairs{{"b", "mine"}, {"c", "mine"}}));
}

TEST_F(TxnTest, scan_stops_at_own_and_at_base_keys) {
  Txn txn(*store_);
  txn.put("b", "mine");
  txn.put("d", "mine");
  txn.put("x", "mine");
  for (const std::string last : {"a", "b", "c", "d", "e", "x"}) {
    std::string seen;
    ASSERT_TRUE(txn.scan("", "z", [&](std::string_view key, std::string_view) {
      seen = key;
      return key != last;
    }));
    EXPECT_EQ(seen, last);
  }
}

TEST_F(TxnTest, an_upper_transaction_merges_into_the_lower_or_leaves_nothing) {
  Txn batch(*store_);
  batch.put("b", "1");
  {
    Txn refused = Txn::over(batch);
    EXPECT_TRUE(refused.empty());
    refused.put("b", "2");
    refused.erase("a");
    EXPECT_EQ(all_in(refused, "", "z"), (Pairs{{"b", "2"}, {"c", "stored"}, {"e", "stored"}}));
  }
  Txn done = Txn::over(batch);
  done.put("b", "3");
  done.erase("c");
  EXPECT_EQ(done.changes(), 2u);
  std::move(done).merge_into(batch);
  EXPECT_TRUE(done.empty());
  EXPECT_EQ(all_in(batch, "", "z"), (Pairs{{"a", "stored"}, {"b", "3"}, {"e", "stored"}}));
  ASSERT_TRUE(store_->write(batch.to_batch()));
  EXPECT_EQ(all_in(*store_, "", "z"), (Pairs{{"a", "stored"}, {"b", "3"}, {"e", "stored"}}));
}

TEST_F(TxnTest, an_attempt_that_is_not_kept_leaves_nothing) {
  Txn batch(*store_);
  batch.put("b", "1");
  batch.put("d", "1");
  const size_t bytes = batch.approximate_bytes();
  {
    Attempt refused(batch);
    batch.put("b", "2");
    batch.put("b", "3");
    batch.erase("d");
    batch.erase("a");
    batch.put("a", "4");
    batch.put("x", "5");
    EXPECT_EQ(all_in(batch, "", "z"), (Pairs{{"a", "4"}, {"b", "3"}, {"c", "stored"}, {"e", "stored"}, {"x", "5"}}));
  }
  EXPECT_EQ(all_in(batch, "", "z"), (Pairs{{"a", "stored"}, {"b", "1"}, {"c", "stored"}, {"d", "1"}, {"e", "stored"}}));
  EXPECT_EQ(batch.changes(), 2u);
  EXPECT_EQ(batch.approximate_bytes(), bytes);
  {
    Attempt kept(batch);
    batch.put("b", "2");
    batch.erase("c");
    kept.keep();
  }
  {
    Attempt undone(batch);
    batch.put("b", "3");
    undone.undo();
    batch.put("f", "after");
  }
  EXPECT_EQ(all_in(batch, "", "z"), (Pairs{{"a", "stored"}, {"b", "2"}, {"d", "1"}, {"e", "stored"}, {"f", "after"}}));
}

TEST_F(TxnTest, an_upper_transaction_merged_within_an_attempt_is_undone_with_it) {
  Txn batch(*store_);
  batch.put("b", "1");
  {
    Attempt attempt(batch);
    Txn upper = Txn::over(batch);
    upper.put("b", "2");
    upper.erase("a");
    std::move(upper).merge_into(batch);
    EXPECT_EQ(value_of(batch, "b"), "2");
  }
  EXPECT_EQ(all_in(batch, "", "c"), (Pairs{{"a", "stored"}, {"b", "1"}}));
}

TEST_F(TxnTest, take_batch_gives_the_same_changes_and_leaves_nothing) {
  Txn txn(*store_);
  txn.put("b", "1");
  txn.erase("a");
  const WriteBatch copy = txn.to_batch();
  const WriteBatch taken = std::move(txn).take_batch();
  ASSERT_EQ(taken.changes().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(taken.changes()[i].key, copy.changes()[i].key);
    EXPECT_EQ(taken.changes()[i].value, copy.changes()[i].value);
  }
  EXPECT_TRUE(txn.empty());
  EXPECT_EQ(txn.approximate_bytes(), 0u);
}

TEST_F(TxnTest, a_base_that_fails_is_an_error) {
  Txn txn(*store_);
  disk_->crash();
  EXPECT_EQ(txn.get("a").error().code(), Code::kBroken);
  EXPECT_EQ(txn.scan("", "z", [](std::string_view, std::string_view) { return true; }).error().code(), Code::kBroken);
}

TEST(PrefixEnd, is_the_first_key_behind_the_prefix) {
  EXPECT_EQ(prefix_end("a"), "b");
  EXPECT_EQ(prefix_end(std::string("D\0\xff", 3)), std::string("D\1", 2));
  EXPECT_EQ(prefix_end(std::string("D\xff\xff", 3)), "E");
  EXPECT_GT(prefix_end("\xff"), std::string(300, '\xff'));
  EXPECT_GT(prefix_end(""), "\xff");
}

}  // namespace
}  // namespace forebay::kv
