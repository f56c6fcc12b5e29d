#include "master/cluster/copies.h"

#include "master/extents/objects.h"
#include "master/ops/world.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr WorkerId kOne{1}, kTwo{2};
constexpr uint64_t kAll = UINT64_MAX;

// The metadata as operations leave it, and one worker's messages about its copies.
class CopiesTest : public World {
 protected:
  Result<InventoryOutcome> inventory(WorkerId worker, std::vector<v1::StoredObject> objects, uint64_t first_new = kAll) {
    v1::ReportInventoryRequest page;
    page.mutable_objects()->Assign(objects.begin(), objects.end());
    page.set_to(kAll);
    InventoryOutcome all;
    for (std::optional<uint64_t> from = 0; from;) {
      ASSIGN_OR_RETURN(const InventoryDifferences found, compare_inventory(*store_, worker, page, *from, first_new, compared_));
      differences_ += found.stored.size() + found.unlisted.size();
      EXPECT_TRUE(change([&](MutationContext& context) -> Result<void> {
        ASSIGN_OR_RETURN(InventoryOutcome outcome, take_differences(context.txn, worker, found.stored, found.unlisted));
        all.missing.insert(all.missing.end(), outcome.missing.begin(), outcome.missing.end());
        return {};
      }));
      from = found.next;
    }
    return all;
  }
  void done(WorkerId worker, const v1::WorkerHeartbeatRequest& request) {
    EXPECT_TRUE(change([&](MutationContext& context) { return take_done(context.txn, worker, request); }));
  }
  v1::WorkerHeartbeatReply duties(WorkerId worker) {
    ScanStarts starts;
    return duties(worker, 100, starts);
  }
  v1::WorkerHeartbeatReply duties(WorkerId worker, size_t most, ScanStarts& starts) {
    v1::WorkerHeartbeatReply reply;
    auto more = list_duties(*store_, starts, worker, most, reply);
    EXPECT_TRUE(more);
    reply.set_more(more.value_or(false));
    return reply;
  }
  // The only object of a file of 1,000 bytes on workers one and two.
  uint64_t stored_file(std::string_view path) {
    v1::Attr attr = write_file(path, 1'000);
    return layout(InodeId{attr.inode()})->extents(0).object();
  }
  static v1::StoredObject stored(uint64_t object, uint64_t length, std::optional<uint32_t> crc) {
    v1::StoredObject stored;
    stored.set_object(object);
    stored.set_length(length);
    stored.set_sealed(crc.has_value());
    stored.set_crc32c(crc.value_or(0));
    return stored;
  }
  size_t compared_ = 2;  // at a time
  size_t differences_ = 0;
  v1::StoredObject as_recorded(uint64_t id) { return stored(id, object(id)->length(), object(id)->crc32c()); }
};

TEST_F(CopiesTest, what_is_known_and_stored_changes_nothing) {
  uint64_t id = stored_file("/a");
  auto outcome = inventory(kOne, {as_recorded(id)});
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->missing.empty());
  EXPECT_EQ(object(id)->workers_size(), 2);
  EXPECT_EQ(duties(kOne).duties_size(), 0);
}

TEST_F(CopiesTest, an_inventory_of_what_is_known_is_nothing_for_the_commit_loop) {
  std::vector<v1::StoredObject> all;
  for (const char* path : {"/a", "/b", "/c", "/d", "/e"}) all.push_back(as_recorded(stored_file(path)));
  ASSERT_TRUE(inventory(kOne, all));
  EXPECT_EQ(differences_, 0u);
}

TEST_F(CopiesTest, what_differs_is_found_wherever_the_comparison_goes_on) {
  std::vector<v1::StoredObject> all;
  std::vector<ObjectId> missing;
  for (int i = 0; i < 12; ++i) {
    const uint64_t id = stored_file("/f" + std::to_string(i));
    if (i % 3 == 0)
      missing.push_back(ObjectId{id});
    else
      all.push_back(as_recorded(id));
  }
  all.push_back(stored(900, 10, 1));
  for (compared_ = 1; compared_ < 15; ++compared_) {
    differences_ = 0;
    auto outcome = inventory(kOne, all);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->missing, missing) << compared_;
    EXPECT_LE(differences_, missing.size() + 1);
    EXPECT_EQ(duties(kOne).duties_size(), 1) << "900 goes";
  }
}

TEST_F(CopiesTest, duties_that_cannot_be_carried_out_keep_no_others_from_their_turn) {
  std::vector<v1::StoredObject> unknown;
  for (uint64_t id = 900; id < 907; ++id) unknown.push_back(stored(id, 10, 1));
  ASSERT_TRUE(inventory(kOne, unknown));
  ScanStarts starts;
  std::vector<uint64_t> told;
  for (int turn = 0; turn < 4; ++turn) {
    const v1::WorkerHeartbeatReply reply = duties(kOne, 2, starts);
    EXPECT_TRUE(reply.more());
    for (const v1::Duty& duty : reply.duties()) told.push_back(duty.object());
  }
  EXPECT_EQ(told, (std::vector<uint64_t>{900, 901, 902, 903, 904, 905, 906, 900}));
  v1::WorkerHeartbeatRequest gone;
  for (uint64_t id : {901, 902, 904, 905, 906}) gone.add_removed(id);
  done(kOne, gone);
  EXPECT_EQ(duties(kOne, 2, starts).duties_size(), 2);
}

TEST_F(CopiesTest, an_unknown_object_is_to_be_deleted_and_leaves_the_records_when_it_is) {
  ASSERT_TRUE(inventory(kOne, {stored(900, 10, 1)}));
  v1::WorkerHeartbeatReply reply = duties(kOne);
  ASSERT_EQ(reply.duties_size(), 1);
  EXPECT_EQ(reply.duties(0).object(), 900u);
  EXPECT_TRUE(reply.duties(0).remove());
  v1::WorkerHeartbeatRequest gone;
  gone.add_removed(900);
  done(kOne, gone);
  EXPECT_EQ(duties(kOne).duties_size(), 0);
  EXPECT_FALSE(has(key::copy(kOne, ObjectId{900})));
}

TEST_F(CopiesTest, a_copy_that_is_not_listed_is_only_suspected) {
  uint64_t id = stored_file("/a");
  auto outcome = inventory(kOne, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->missing, std::vector{ObjectId{id}});
  EXPECT_EQ(object(id)->workers_size(), 2);
}

TEST_F(CopiesTest, objects_granted_after_the_registration_are_left_alone) {
  uint64_t id = stored_file("/a");
  auto outcome = inventory(kOne, {}, id);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->missing.empty());
}

TEST_F(CopiesTest, an_object_that_is_being_written_need_not_exist_yet) {
  auto opened = create("/a", 0644, v1::ACCESS_WRITE, 4'096);
  ASSERT_TRUE(opened);
  auto outcome = inventory(kOne, {});
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->missing.empty());
  ASSERT_TRUE(close(HandleId{opened->handle()}));
}

TEST_F(CopiesTest, what_is_left_of_a_damaged_copy_goes_with_its_object) {
  uint64_t id = stored_file("/a"), unknown = 1'000'000;
  v1::WorkerHeartbeatRequest damaged;
  damaged.add_damaged(id);
  damaged.add_damaged(unknown);
  done(kOne, damaged);
  ASSERT_EQ(duties(kOne).duties_size(), 1) << "something may be saved of what a file needs";
  EXPECT_EQ(duties(kOne).duties(0).object(), unknown);
  ASSERT_TRUE(unlink("/a"));
  reclaim();
  EXPECT_EQ(duties(kOne).duties_size(), 2);
  EXPECT_EQ(duties(kTwo).duties_size(), 1);
}

TEST_F(CopiesTest, a_damaged_copy_is_not_counted_and_lost_is_left_when_a_good_one_returns) {
  uint64_t id = stored_file("/a");
  v1::StoredObject good = as_recorded(id);
  v1::WorkerHeartbeatRequest damaged;
  damaged.add_damaged(id);
  done(kOne, damaged);
  done(kTwo, damaged);
  EXPECT_EQ(object(id)->workers_size(), 0);
  ASSERT_TRUE(inventory(kTwo, {good}));
  ASSERT_EQ(object(id)->workers_size(), 1);
  EXPECT_EQ(object(id)->workers(0), kTwo.value);
}

TEST_F(CopiesTest, a_copy_with_other_bytes_never_counts_and_goes_only_while_a_good_one_exists) {
  uint64_t id = stored_file("/a");
  v1::StoredObject other = stored(id, 1'000, object(id)->crc32c() + 1);
  ASSERT_TRUE(inventory(kOne, {other}));
  ASSERT_EQ(object(id)->workers_size(), 1);
  EXPECT_EQ(object(id)->workers(0), kTwo.value);
  ASSERT_EQ(duties(kOne).duties_size(), 1);
  EXPECT_TRUE(duties(kOne).duties(0).remove());
  ASSERT_TRUE(inventory(kTwo, {other}));
  EXPECT_EQ(object(id)->workers_size(), 0);
  EXPECT_EQ(duties(kTwo).duties_size(), 0) << "the last copy, though damaged, stays on its disk";
}

TEST_F(CopiesTest, a_torn_seal_is_repeated) {
  uint64_t id = stored_file("/a");
  ASSERT_TRUE(inventory(kOne, {stored(id, 1'000, std::nullopt)}));
  ASSERT_EQ(duties(kOne).duties_size(), 1);
  EXPECT_EQ(duties(kOne).duties(0).seal(), 1'000u);
  EXPECT_EQ(duties(kOne).duties(0).crc32c(), object(id)->crc32c()) << "what is sealed again has to be what was sealed";
  v1::WorkerHeartbeatRequest sealed;
  v1::SealedByDuty& by_duty = *sealed.add_sealed();
  by_duty.set_object(id);
  by_duty.set_length(1'000);
  by_duty.set_crc32c(object(id)->crc32c());
  done(kOne, sealed);
  EXPECT_EQ(duties(kOne).duties_size(), 0);
  EXPECT_EQ(object(id)->workers_size(), 2);
}

TEST_F(CopiesTest, a_seal_with_another_checksum_than_recorded_is_a_bad_copy) {
  uint64_t id = stored_file("/a");
  v1::WorkerHeartbeatRequest sealed;
  v1::SealedByDuty& by_duty = *sealed.add_sealed();
  by_duty.set_object(id);
  by_duty.set_length(1'000);
  by_duty.set_crc32c(object(id)->crc32c() + 1);
  done(kOne, sealed);
  ASSERT_EQ(object(id)->workers_size(), 1);
  EXPECT_EQ(object(id)->workers(0), kTwo.value);
}

TEST_F(CopiesTest, the_object_of_a_vanished_writer_is_sealed_by_duty) {
  auto opened = create("/a", 0644, v1::ACCESS_WRITE, 1 << 20);
  ASSERT_TRUE(opened);
  uint64_t id = opened->grants(0).object();
  HandleId handle{opened->handle()};
  ASSERT_TRUE(commit(handle, {extent(0, 500, id)}));
  ASSERT_TRUE(change([&](MutationContext& context) { return close_handle(context, InodeId{opened->attr().inode()}, handle); }));
  ASSERT_EQ(duties(kOne).duties_size(), 1);
  EXPECT_EQ(duties(kOne).duties(0).seal(), 500u);
  v1::WorkerHeartbeatRequest sealed;
  v1::SealedByDuty& by_duty = *sealed.add_sealed();
  by_duty.set_object(id);
  by_duty.set_length(500);
  by_duty.set_crc32c(77);
  done(kOne, sealed);
  EXPECT_TRUE(object(id)->sealed());
  EXPECT_EQ(object(id)->crc32c(), 77u);
  done(kOne, sealed);  // said again
  EXPECT_EQ(object(id)->workers_size(), 2);
}

TEST_F(CopiesTest, an_unsealed_copy_that_could_not_be_read_for_a_while_comes_back_and_is_sealed) {
  auto opened = create("/a", 0644, v1::ACCESS_WRITE, 1 << 20);
  ASSERT_TRUE(opened);
  const uint64_t id = opened->grants(0).object();
  HandleId handle{opened->handle()};
  ASSERT_TRUE(commit(handle, {extent(0, 500, id)}));
  ASSERT_TRUE(change([&](MutationContext& context) { return close_handle(context, InodeId{opened->attr().inode()}, handle); }));
  v1::WorkerHeartbeatRequest damaged;
  damaged.add_damaged(id);
  done(kOne, damaged);
  done(kTwo, damaged);
  EXPECT_EQ(object(id)->workers_size(), 0);
  EXPECT_EQ(duties(kOne).duties_size(), 0);
  ASSERT_TRUE(inventory(kOne, {stored(id, 600, std::nullopt)}));
  ASSERT_EQ(object(id)->workers_size(), 1);
  ASSERT_EQ(duties(kOne).duties_size(), 1);
  EXPECT_EQ(duties(kOne).duties(0).seal(), 500u);
  ASSERT_TRUE(inventory(WorkerId{3}, {stored(id, 600, std::nullopt)}));
  EXPECT_TRUE(duties(WorkerId{3}).duties(0).remove()) << "it was never granted one";
}

TEST_F(CopiesTest, a_block_that_is_being_fetched_is_no_copy_before_it_is_sealed) {
  const uint64_t id = stored_file("/a");
  v1::FetchRecord fetch;
  auto save = [&](uint64_t operation) {
    fetch.set_operation(operation);
    return change([&](MutationContext& context) -> Result<void> {
      v1::ObjectRecord block = **load_object(context.txn, ObjectId{id});
      block.set_stored_version(1);
      block.clear_workers();
      save_object(context.txn, ObjectId{id}, block);
      write_record(context.txn, key::fetch(ObjectId{id}), fetch);
      return {};
    });
  };
  ASSERT_TRUE(save(7));
  ASSERT_TRUE(inventory(kOne, {stored(id, 1'000, std::nullopt)}));  // with holes, perhaps
  EXPECT_EQ(object(id)->workers_size(), 0);
  EXPECT_EQ(duties(kOne).duties_size(), 0) << "a task may still be at work on it";
  ASSERT_TRUE(save(0));
  ASSERT_TRUE(inventory(kOne, {stored(id, 1'000, std::nullopt)}));
  EXPECT_EQ(object(id)->workers_size(), 0);
  ASSERT_EQ(duties(kOne).duties_size(), 1);
  EXPECT_TRUE(duties(kOne).duties(0).remove());
  ASSERT_TRUE(inventory(kTwo, {as_recorded(id)}));
  EXPECT_EQ(object(id)->workers_size(), 1) << "with its seal it is one";
}

TEST_F(CopiesTest, duties_come_in_pages_with_seals_first) {
  uint64_t known = stored_file("/a");
  std::vector<v1::StoredObject> found{stored(known, 1'000, std::nullopt)};
  for (uint64_t id = 900; id < 910; ++id) found.push_back(stored(id, 1, 1));
  ASSERT_TRUE(inventory(kOne, found));
  ScanStarts starts;
  v1::WorkerHeartbeatReply reply = duties(kOne, 4, starts);
  ASSERT_EQ(reply.duties_size(), 4);
  EXPECT_EQ(reply.duties(0).object(), known);
  EXPECT_TRUE(reply.more());
  EXPECT_FALSE(duties(kOne).more());
}

TEST_F(CopiesTest, an_object_outside_of_its_page_is_refused) {
  v1::ReportInventoryRequest page;
  *page.add_objects() = stored(5, 1, 1);
  page.set_from(6);
  page.set_to(kAll);
  EXPECT_EQ(code_of(compare_inventory(*store_, kOne, page, 6, kAll, 10)), Code::kInvalid);
}

}  // namespace
}  // namespace forebay::master
