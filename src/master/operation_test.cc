#include "master/operation.h"

#include <gtest/gtest.h>

#include "kv/memory_store.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

class NoPlacer : public Placer {
 public:
  Result<Placed> place(const v1::Placement&) override { return elsewhere("no worker"); }
  bool is_known(WorkerId) const override { return false; }
};
class NoReads : public OpenReads {
 public:
  bool is_open(InodeId) const override { return false; }
};

class OperationTest : public testing::Test {
 protected:
  OperationTest() : store_(std::move(*disk_->open())) {}
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store_;
  NoPlacer placer_;
  NoReads reads_;
  Caller caller_;
  Persistence persistence_{*store_};
};

TEST_F(OperationTest, next_id_never_gives_a_number_twice_and_counts_by_name) {
  kv::Txn txn(*store_);
  MutationContext context{txn, caller_, {}, placer_, reads_, persistence_};
  EXPECT_EQ(context.next_id("object"), 1u);
  EXPECT_EQ(context.next_id("object"), 2u);
  EXPECT_EQ(context.next_id("handle"), 1u);
  ASSERT_TRUE(store_->write(txn.to_batch()));
  kv::Txn later(*store_);
  MutationContext again{later, caller_, {}, placer_, reads_, persistence_};
  EXPECT_EQ(again.next_id("object"), 3u);
}

TEST_F(OperationTest, a_damaged_counter_is_corrupt) {
  kv::Txn txn(*store_);
  txn.put(key::counter("object"), "12");
  MutationContext context{txn, caller_, {}, placer_, reads_, persistence_};
  EXPECT_EQ(context.next_id("object").error().code(), Code::kCorrupt);
}

TEST_F(OperationTest, a_record_is_read_back_absent_or_corrupt_by_key) {
  kv::Txn txn(*store_);
  v1::InodeRecord inode;
  inode.set_mode(0644);
  write_record(txn, key::inode(InodeId{7}), inode);
  auto read = read_record<v1::InodeRecord>(txn, key::inode(InodeId{7}));
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->mode(), 0644u);
  EXPECT_EQ(read_record<v1::InodeRecord>(txn, key::inode(InodeId{8})).value(), std::nullopt);
  txn.put(key::inode(InodeId{9}), "\xff\xff\xff");
  auto corrupt = read_record<v1::InodeRecord>(txn, key::inode(InodeId{9}));
  ASSERT_FALSE(corrupt);
  EXPECT_EQ(corrupt.error().code(), Code::kCorrupt);
  EXPECT_NE(corrupt.error().message().find("490000000000000009"), std::string::npos);
}

TEST(CallerTest, belongs_to_its_group_and_its_supplementary_groups) {
  Caller caller{.uid = 1, .gid = 10, .groups = {20, 30}};
  EXPECT_TRUE(caller.in_group(10));
  EXPECT_TRUE(caller.in_group(30));
  EXPECT_FALSE(caller.in_group(40));
}

TEST(KeyTest, numbers_sort_as_numbers) {
  EXPECT_LT(key::inode(InodeId{255}), key::inode(InodeId{256}));
  EXPECT_LT(key::dentry(InodeId{1}, "\xff"), key::dentries(InodeId{2}));
  EXPECT_EQ(key::outcome(SessionId{1}, 5), key::outcome(SessionId{1}, 5 + kOutcomeSlots));
}

}  // namespace
}  // namespace forebay::master
