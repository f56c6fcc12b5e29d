#include "master/extents/objects.h"
#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class OperationsTest : public PersistWorld {
 protected:
  Result<std::string> finish_failed(const v1::Operation& operation, bool permanent) {
    v1::FinishOperationRequest request;
    request.mutable_failed()->set_error("403 forbidden");
    request.mutable_failed()->set_permanent(permanent);
    return finish(std::move(request), operation);
  }
  v1::PersistStatusReply status() {
    auto reply = run(ops::persist_status, v1::PersistStatusRequest{});
    EXPECT_TRUE(reply);
    return reply.value_or(v1::PersistStatusReply{});
  }
  bool may_publish(const v1::Operation& operation) {
    v1::MayPublishRequest request;
    request.set_operation(operation.operation());
    request.set_epoch(operation.record().epoch());
    auto reply = run(ops::may_publish, request);
    EXPECT_TRUE(reply);
    return reply && reply->may();
  }
  Result<v1::Empty> resolve_by(const std::string& path, v1::OnConflict by) {
    v1::ResolveConflictRequest request;
    request.set_binding(binding_of(path));
    request.set_by(by);
    return run(ops::resolve_conflict, request);
  }
};

TEST_F(OperationsTest, an_upload_names_version_key_extents_and_what_is_expected) {
  start_mapped();
  const v1::Attr attr = write_file("/c/a", 10);
  const v1::Operation first = upload("a");
  EXPECT_EQ(first.record().key(), "k/a");
  EXPECT_EQ(first.record().inode(), attr.inode());
  EXPECT_EQ(first.record().version(), 1u);
  EXPECT_FALSE(first.record().has_expected());
  EXPECT_EQ(first.layout().extents_size(), 1);
  EXPECT_EQ(first.layout().size(), 10u);
  ASSERT_TRUE(finish_done(first));
  rewrite("/c/a", 20);
  const v1::Operation second = upload("a");
  EXPECT_EQ(second.record().expected().version(), 1u);
  EXPECT_EQ(second.record().expected().identity(), identity_of(attr.inode(), 1));
}

TEST_F(OperationsTest, the_uploaded_version_stays_while_the_file_is_overwritten_and_removed) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation operation = upload("a");
  rewrite("/c/a", 20);
  v1::GetUploadLayoutRequest request;
  request.set_operation(operation.operation());
  request.set_epoch(operation.record().epoch());
  auto page = run(ops::get_upload_layout, request);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->extents_size(), 1);
  EXPECT_EQ(page->extents(0).length(), 10u);
  ASSERT_TRUE(unlink("/c/a"));
  reclaim();
  EXPECT_TRUE(run(ops::get_upload_layout, request));
  EXPECT_EQ(finish_done(operation), "stored, and the entry is gone");
  reclaim();
  EXPECT_EQ(count("V") + count("O") + count("N") + count("p"), 0u);
  EXPECT_EQ(run_all(), Texts{"delete k/a"});
}

TEST_F(OperationsTest, one_operation_at_a_time_for_a_key_and_a_file) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation operation = upload("a");
  rewrite("/c/a", 20);
  EXPECT_TRUE(start_intent("persist a").has_waits());
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  write_file("/c/a", 5);
  EXPECT_TRUE(start_intent("persist a").has_waits());
  ASSERT_TRUE(finish_done(operation));
  run_all();
  EXPECT_TRUE(is_clean("/c/a") && is_clean("/c/b"));
}

TEST_F(OperationsTest, a_file_renamed_during_its_upload_ends_under_its_new_name) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation operation = upload("a");
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  ASSERT_TRUE(finish_done(operation));
  EXPECT_EQ(run_all(), (Texts{"move k/a k/b", "delete k/a"}));
}

TEST_F(OperationsTest, failures_are_retried_for_ever_later_and_later_and_shown) {
  start_mapped();
  write_file("/c/a", 10);
  Duration longest{};
  for (int attempt = 1; attempt <= 20; ++attempt) {
    ASSERT_EQ(finish_failed(upload("a"), false), "failed");
    const v1::PersistStatusReply shown = status();
    ASSERT_EQ(shown.failures_size(), 1);
    EXPECT_EQ(shown.failures(0).error(), "403 forbidden");
    EXPECT_EQ(shown.failures(0).attempts(), static_cast<uint32_t>(attempt));
    const Duration delay(shown.failures(0).next_ns() - now_ns());
    EXPECT_GT(delay, Duration{});
    longest = std::max(longest, delay);
    now += delay;
  }
  EXPECT_GT(longest, std::chrono::minutes(3));
  EXPECT_LT(longest, std::chrono::minutes(7));
  ASSERT_TRUE(finish_done(upload("a")));
  EXPECT_EQ(status().failing(), 0u);
}

TEST_F(OperationsTest, an_error_that_cannot_pass_waits_at_the_slow_end_and_holds_nobody_up) {
  start_mapped();
  write_file("/c/a", 10);
  ASSERT_TRUE(finish_failed(upload("a"), true));
  EXPECT_EQ(status().permanent(), 1u);
  write_file("/c/b", 10);
  EXPECT_EQ(run_all(), Texts{"upload k/b"});
  now += std::chrono::minutes(7);
  EXPECT_EQ(intents(), Texts{"persist a"});
}

TEST_F(OperationsTest, status_counts_what_waits_and_runs_and_since_when) {
  start_mapped();
  EXPECT_EQ(status().oldest_dirty_ns(), 0);
  write_file("/c/a", 10);
  const int64_t first = now_ns();
  tick();
  write_file("/c/b", 10);
  EXPECT_EQ(status().waiting_persist(), 2u);
  EXPECT_EQ(status().oldest_dirty_ns(), first);
  const v1::Operation operation = upload("a");
  EXPECT_EQ(status().running(), 1u);
  EXPECT_EQ(status().oldest_dirty_ns(), first);
  ASSERT_TRUE(finish_done(operation));
  EXPECT_GT(status().oldest_dirty_ns(), first);
}

TEST_F(OperationsTest, a_lost_reply_is_found_out_by_looking) {
  start_mapped();
  const v1::Attr attr = write_file("/c/a", 10);
  EXPECT_EQ(finish_refused(upload("a"), ours(attr.inode(), 1)), "stored");
  EXPECT_TRUE(is_clean("/c/a"));
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(OperationsTest, an_object_of_ours_that_nobody_remembered_is_replaced) {
  start_mapped();
  write_file("/c/a", 10);
  EXPECT_EQ(finish_refused(upload("a"), ours(4711, 3)), "again");
  const v1::Operation second = upload("a");
  EXPECT_EQ(second.record().expected().inode(), 4711u);
  ASSERT_TRUE(finish_done(second));
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(OperationsTest, whoever_is_given_up_says_nothing_any_more) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation operation = upload("a");
  EXPECT_EQ(code_of(fence(operation, false)), Code::kBusy);
  now += std::chrono::seconds(61);
  auto taken = fence(operation, false);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->record().epoch(), operation.record().epoch() + 1);
  EXPECT_EQ(code_of(finish_done(operation)), Code::kStale);
  EXPECT_EQ(code_of(fence(operation, true)), Code::kStale);
  EXPECT_EQ(give_up(*taken, absent()), "again");
  EXPECT_EQ(intents(), Texts{"persist a"});
  EXPECT_EQ(code_of(finish_done(*taken)), Code::kStale);
}

TEST_F(OperationsTest, the_quiet_time_of_what_was_fenced_goes_on_whoever_looks) {
  start_mapped();
  write_file("/c/a", 10);
  auto taken = fence(upload("a"), true);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->quiet_ms(), 0U);
  now += std::chrono::seconds(20);
  auto again = fence(*taken, true);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->quiet_ms(), 20'000U);
}

TEST_F(OperationsTest, what_a_given_up_worker_had_stored_counts) {
  start_mapped();
  const v1::Attr attr = write_file("/c/a", 10);
  auto taken = fence(upload("a"), true);
  ASSERT_TRUE(taken);
  EXPECT_EQ(give_up(*taken, ours(attr.inode(), 1)), "stored");
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(OperationsTest, the_multipart_upload_is_told_to_whoever_takes_over) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation operation = upload("a");
  v1::RecordMultipartRequest request;
  request.set_operation(operation.operation());
  request.set_epoch(operation.record().epoch());
  request.set_multipart("upload-1");
  ASSERT_TRUE(run(ops::record_multipart, request));
  auto taken = fence(operation, true);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->record().multipart(), "upload-1");
  EXPECT_EQ(code_of(run(ops::record_multipart, request)), Code::kStale);
  auto listed = run(ops::list_operations, v1::ListOperationsRequest{});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->operations_size(), 1);
  EXPECT_EQ(listed->operations(0).record().multipart(), "upload-1");
}

TEST_F(OperationsTest, a_lease_is_prolonged_and_one_that_is_lost_is_said) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation operation = upload("a");
  now += std::chrono::seconds(50);
  v1::RenewOperationsRequest request;
  for (uint64_t id : {operation.operation(), uint64_t{999}}) {
    request.add_operations()->set_operation(id);
    request.mutable_operations()->rbegin()->set_epoch(1);
  }
  auto renewed = run(ops::renew_operations, request);
  ASSERT_TRUE(renewed);
  ASSERT_EQ(renewed->lost_size(), 1);
  EXPECT_EQ(renewed->lost(0), 999u);
  now += std::chrono::seconds(50);
  EXPECT_EQ(code_of(fence(operation, false)), Code::kBusy);
}

TEST_F(OperationsTest, a_foreign_object_parks_the_file_until_it_is_resolved) {
  start_mapped();
  write_file("/c/a", 10);
  EXPECT_EQ(finish_refused(upload("a"), foreign()), "conflict");
  EXPECT_EQ(intents(), Texts{});
  EXPECT_EQ(status().conflicts(), 1u);
  rewrite("/c/a", 20);
  EXPECT_EQ(run_all(), Texts{});
  auto listed = run(ops::list_conflicts, v1::ListConflictsRequest{});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->conflicts_size(), 1);
  EXPECT_EQ(listed->conflicts(0).record().conflict().theirs(), "theirs");
  ASSERT_TRUE(resolve_by("/c/a", v1::ON_CONFLICT_CACHE_WINS));
  const v1::Operation second = upload("a");
  EXPECT_EQ(second.record().expected_foreign(), "theirs");
  ASSERT_TRUE(finish_done(second));
  EXPECT_TRUE(is_clean("/c/a"));
  EXPECT_EQ(error_of(resolve_by("/c/a", v1::ON_CONFLICT_FAIL)), ENOENT);
}

TEST_F(OperationsTest, a_conflict_ends_when_the_file_moves_elsewhere) {
  start_mapped();
  write_file("/c/a", 10);
  ASSERT_TRUE(finish_refused(upload("a"), foreign()));
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  EXPECT_EQ(status().conflicts(), 0u);
  EXPECT_EQ(run_all(), Texts{"upload k/b"});
}

TEST_F(OperationsTest, keep_both_puts_ours_beside_theirs) {
  start_mapped(R"("onConflict": "keep-both")");
  write_file("/c/a", 10);
  EXPECT_EQ(finish_refused(upload("a"), foreign()), "conflict: both are kept");
  EXPECT_EQ(run_all(), Texts{"upload k/a.conflict-1"});
  rewrite("/c/a", 20);
  EXPECT_EQ(run_all(), Texts{"upload k/a.conflict-1"});
}

TEST_F(OperationsTest, ufs_wins_makes_theirs_the_newest_version) {
  start_mapped(R"("onConflict": "ufs-wins")");
  write_file("/c/a", 10);
  ASSERT_TRUE(finish_refused(upload("a"), foreign("theirs", 77)));
  auto attr = stat("/c/a");
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->size(), 77u);
  EXPECT_EQ(attr->version(), 2u);
  EXPECT_TRUE(is_clean("/c/a"));
  EXPECT_EQ(run_all(), Texts{});
  auto page = layout(InodeId{attr->inode()});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects(0).workers_size(), 0);
}

TEST_F(OperationsTest, ufs_wins_waits_for_the_writer) {
  start_mapped(R"("onConflict": "ufs-wins")");
  write_file("/c/a", 10);
  auto writer = open("/c/a", v1::ACCESS_WRITE);
  ASSERT_TRUE(writer);
  EXPECT_EQ(finish_refused(upload("a"), foreign()), "conflict: waits for the writer");
  EXPECT_EQ(stat("/c/a")->version(), 1u);
  ASSERT_TRUE(close(HandleId{writer->handle()}));
}

TEST_F(OperationsTest, only_clean_files_at_rest_are_evicted_and_a_move_needs_no_copy) {
  start_mapped();
  write_file("/c/a", 10);
  EXPECT_FALSE(evict_file("/c/a"));
  run_all();
  EXPECT_TRUE(evict_file("/c/a"));
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  EXPECT_EQ(run_all(), (Texts{"move k/a k/b", "delete k/a"}));
}

TEST_F(OperationsTest, the_only_copy_comes_back_before_its_object_goes) {
  start_mapped();
  mkdir("/out");
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(evict_file("/c/a"));
  ASSERT_TRUE(rename("/c/a", "/out/a"));
  EXPECT_EQ(run_all(), (Texts{"restore k/a", "delete k/a"}));
  EXPECT_EQ(layout(inode_of("/out/a"))->objects(0).workers_size(), 1);
}

TEST_F(OperationsTest, another_name_keeps_the_content_of_a_removed_one) {
  for (const char* policy : {"keep", "delete"}) {
    const std::string name = "/c/" + std::string(policy);
    if (inode_of("/out") == InodeId{}) {
      mkdir("/out");
      ASSERT_TRUE(add_mount("/ufs"));
    }
    ASSERT_TRUE(map(R"("onDelete": ")" + std::string(policy) + "\""));
    run_all();
    write_file(name, 10);
    ASSERT_TRUE(link(name, "/out/" + std::string(policy)));
    run_all();
    ASSERT_TRUE(evict_file(name));
    ASSERT_TRUE(unlink(name));
    const Texts done = run_all();
    ASSERT_FALSE(done.empty());
    EXPECT_EQ(done[0], "restore k/" + std::string(policy));
    EXPECT_EQ(done.size(), policy == std::string("delete") ? 2u : 1u);
    EXPECT_EQ(layout(inode_of("/out/" + std::string(policy)))->objects(0).workers_size(), 1);
  }
}

TEST_F(OperationsTest, a_swap_of_evicted_files_brings_both_back) {
  start_mapped();
  write_file("/c/a", 10);
  write_file("/c/b", 10);
  run_all();
  ASSERT_TRUE(evict_file("/c/a") && evict_file("/c/b"));
  ASSERT_TRUE(exchange("/c/a", "/c/b"));
  Texts done = run_all();
  EXPECT_EQ(std::ranges::count_if(done, [](const std::string& each) { return each.starts_with("restore"); }), 2);
  EXPECT_TRUE(is_clean("/c/a") && is_clean("/c/b"));
}

TEST_F(OperationsTest, restored_bytes_are_checked) {
  start_mapped();
  mkdir("/out");
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(evict_file("/c/a"));
  ASSERT_TRUE(rename("/c/a", "/out/a"));
  const v1::StartIntentReply reply = start_intent("settle a");
  ASSERT_TRUE(reply.has_first());
  v1::FinishOperationRequest request;
  v1::RestoredObject& restored = *request.mutable_done()->add_restored();
  restored.set_object(reply.first().layout().objects(0).object());
  restored.set_crc32c(2);
  restored.add_workers(1);
  EXPECT_EQ(code_of(finish(request, reply.first())), Code::kCorrupt);
  EXPECT_EQ(finish_refused(reply.first(), foreign()), "foreign, left alone");
}

TEST_F(OperationsTest, content_without_a_copy_is_lost_until_one_returns) {
  start_mapped();
  const v1::Attr attr = write_file("/c/a", 10);
  const uint64_t object = layout(InodeId{attr.inode()})->objects(0).object();
  auto set_copies = [&](std::vector<uint64_t> workers) {
    return change([&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(auto record, load_object(context.txn, ObjectId{object}));
      for (uint64_t worker : record->workers()) context.txn.erase(key::copy(WorkerId{worker}, ObjectId{object}));
      record->mutable_workers()->Assign(workers.begin(), workers.end());
      for (uint64_t worker : workers) context.txn.put(key::copy(WorkerId{worker}, ObjectId{object}), {});
      save_object(context.txn, ObjectId{object}, *record);
      return {};
    });
  };
  ASSERT_TRUE(set_copies({}));
  EXPECT_EQ(run_all(), Texts{});
  EXPECT_EQ(status().lost(), 1u);
  ASSERT_TRUE(set_copies({1}));
  now += std::chrono::minutes(7);
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
  EXPECT_EQ(status().lost(), 0u);
}

TEST_F(OperationsTest, in_an_ordered_directory_what_was_sealed_earlier_is_visible_first) {
  start_mapped(R"("order": "directory")");
  mkdir("/c/d");
  write_file("/c/d/shard", 10);
  write_file("/c/d/marker", 10);
  write_file("/c/elsewhere", 10);
  const v1::Operation shard = upload("shard"), marker = upload("marker"), elsewhere = upload("elsewhere");
  EXPECT_TRUE(may_publish(shard));
  EXPECT_TRUE(may_publish(elsewhere));
  EXPECT_FALSE(may_publish(marker));
  ASSERT_TRUE(finish_done(shard));
  EXPECT_TRUE(may_publish(marker));
}

TEST_F(OperationsTest, an_ordered_directory_that_gets_another_name_keeps_its_order_there) {
  start_mapped(R"("onDelete": "delete", "order": "directory")");
  mkdir("/c/d");
  write_file("/c/d/z shard", 10);
  write_file("/c/d/marker", 10);
  ASSERT_TRUE(finish_done(upload("z shard")));
  ASSERT_TRUE(rename("/c/d", "/c/e"));
  const v1::Operation marker = upload("marker");
  EXPECT_EQ(marker.record().key(), "k/e/marker");
  EXPECT_FALSE(may_publish(marker)) << "nobody has looked yet for what moves with it";
  const v1::StartIntentReply tree = start_intent("tree " + std::to_string(inode_of("/c/e").value));
  EXPECT_TRUE(tree.has_nothing());
  EXPECT_FALSE(may_publish(marker)) << "its shard is under the old name";
  const v1::StartIntentReply shard = start_intent("settle z shard");
  ASSERT_TRUE(shard.has_started()) << shard.DebugString();
  ASSERT_TRUE(finish_done(shard.started()));
  EXPECT_TRUE(may_publish(marker));
}

TEST_F(OperationsTest, in_an_ordered_directory_what_is_gone_or_in_conflict_holds_nobody_up) {
  start_mapped(R"("order": "directory")");
  write_file("/c/a", 10);
  write_file("/c/b", 10);
  write_file("/c/m", 10);
  const v1::Operation a = upload("a"), marker = upload("m");
  EXPECT_FALSE(may_publish(marker));
  ASSERT_TRUE(finish_refused(a, foreign()));
  EXPECT_FALSE(may_publish(marker));
  ASSERT_TRUE(unlink("/c/b"));
  EXPECT_TRUE(may_publish(marker));
}

TEST_F(OperationsTest, what_is_found_of_ours_after_the_file_is_gone_is_cleared) {
  start_mapped();
  write_file("/c/a", 10);
  auto taken = fence(upload("a"), true);
  ASSERT_TRUE(taken);
  ASSERT_TRUE(unlink("/c/a"));
  EXPECT_EQ(give_up(*taken, ours(4711, 3)), "again");
  EXPECT_EQ(run_all(), Texts{"delete k/a"});
  now += std::chrono::minutes(11);
  EXPECT_EQ(run_all(), Texts{"sweep k/a"});
  EXPECT_EQ(count("K"), 0u);
}

// -- uploads that nobody knows of --

TEST_F(OperationsTest, after_an_operation_was_given_up_its_key_is_swept_once_in_a_while) {
  start_mapped();
  write_file("/c/a", 10);
  const v1::Operation first = upload("a");
  now += std::chrono::seconds(5);
  auto taken = fence(first, true);
  ASSERT_TRUE(taken);
  ASSERT_TRUE(give_up(*taken, absent()));
  const v1::Operation second = upload("a");
  auto again = fence(second, true);
  ASSERT_TRUE(again);
  ASSERT_TRUE(give_up(*again, absent()));
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
  EXPECT_EQ(status().waiting_sweeps(), 1u);
  EXPECT_EQ(status().waiting_persist() + status().waiting_clear() + status().running(), 0u) << "nothing of it is dirty";
  now += std::chrono::minutes(11);
  ASSERT_EQ(intents(), Texts{"sweep k/a"});
  const v1::StartIntentReply reply = start_intent("sweep k/a");
  ASSERT_TRUE(reply.has_started());
  const v1::OperationRecord& sweep = reply.started().record();
  EXPECT_EQ(sweep.begun_from_ns(), first.record().started_ns());
  EXPECT_GE(sweep.begun_until_ns(), second.record().started_ns());
  ASSERT_EQ(sweep.given_up_size(), 2);
  EXPECT_EQ(sweep.given_up(0), first.operation());
  rewrite("/c/a", 20);
  EXPECT_TRUE(start_intent("persist a").has_waits()) << "its upload would be met";
  ASSERT_TRUE(finish_failed(reply.started(), false));
  now += std::chrono::seconds(5);
  EXPECT_EQ(run_all(), (Texts{"upload k/a", "sweep k/a"}));
  EXPECT_EQ(status().waiting_sweeps(), 0u);
}

TEST_F(OperationsTest, what_is_open_for_writing_is_not_clean) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  EXPECT_EQ(status().writing(), 0u);
  ASSERT_TRUE(create("/c/b"));
  EXPECT_EQ(status().writing(), 1u);
  EXPECT_EQ(status().mappings(0).writing(), 1u);
  EXPECT_EQ(status().waiting_persist(), 0u);
}

TEST_F(OperationsTest, a_directory_is_removed_after_what_is_below_it_has_left) {
  start_mapped(R"("onDelete": "delete")", true);
  mkdir("/c/d");
  write_file("/c/d/a", 10);
  run_all();
  ASSERT_TRUE(unlink("/c/d/a"));
  ASSERT_TRUE(rmdir("/c/d"));
  EXPECT_EQ(intents(), (Texts{"clear k/d/a", "directory k/d"}));
  EXPECT_EQ(start_intent("directory k/d").waits(), "what is still below it");
  EXPECT_EQ(status().failing(), 0u);
  EXPECT_EQ(run_all(), (Texts{"delete k/d/a", "rmdir k/d"}));
}

TEST_F(OperationsTest, a_directory_under_the_name_of_one_that_left_has_nothing_of_it) {
  start_mapped(R"("onDelete": "delete")", true);
  mkdir("/c/d");
  mkdir("/c/d/e");
  run_all();
  ASSERT_TRUE(rename("/c/d", "/c/x"));
  mkdir("/c/d");
  mkdir("/c/d/f");
  const Texts done = run_all();
  const auto pruned = std::ranges::find(done, "rmdir k/d");
  ASSERT_NE(pruned, done.end()) << "k/d/e is left";
  EXPECT_NE(std::find(pruned, done.end(), "mkdir k/d"), done.end()) << "it may have gone with it";
  EXPECT_NE(std::find(pruned, done.end(), "mkdir k/d/f"), done.end());
  EXPECT_NE(std::ranges::find(done, "mkdir k/x/e"), done.end());
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(OperationsTest, a_directory_whose_objects_are_kept_stays_with_them) {
  start_mapped(R"("onDelete": "keep")", true);
  mkdir("/c/d");
  write_file("/c/d/a", 10);
  run_all();
  ASSERT_TRUE(unlink("/c/d/a"));
  ASSERT_TRUE(rmdir("/c/d"));
  EXPECT_EQ(run_all(), Texts{});
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(OperationsTest, an_intent_that_is_gone_is_nothing_and_only_the_superuser_may_start) {
  start_mapped();
  v1::StartIntentRequest request;
  request.mutable_place()->set_sequence(12345);
  auto reply = run(ops::start_intent, request);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->has_nothing());
  as = user(5, 5);
  EXPECT_EQ(error_of(run(ops::start_intent, request)), EPERM);
  EXPECT_EQ(error_of(run(ops::finish_operation, v1::FinishOperationRequest{})), EPERM);
}

}  // namespace
}  // namespace forebay::master
