#include "base/crc32c.h"
#include "worker/persist/extent_source.h"
#include "worker/persist/task_fixture.h"

namespace forebay::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ufs::StoreFaultKind;

TEST(Crc32cOfZerosTest, equals_the_checksum_of_zeros_written_out) {
  for (const uint64_t length : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 1'000'003UL})
    EXPECT_EQ(crc32c_of_zeros(length), crc32c(as_bytes(std::string(length, '\0')))) << length;
}

TEST_F(TaskTableTest, no_part_is_sent_before_the_uploads_id_is_recorded) {
  config.small_bytes = 1000;
  begin();
  const std::string first = pattern(3'000'000), second = "the end";
  seal(1, first);
  seal(2, second);
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", 4'000'000);
  lay(task, 0, 1, first.size());
  lay(task, 3'999'993, 2, second.size());
  v1::RunTaskRequest small = request(v1::OPERATION_UPLOAD, "small", second.size());
  lay(small, 0, 2, second.size());
  EXPECT_TRUE(outcome_of(small).has_done());
  EXPECT_EQ(bucket.content("small"), second);
  // In parts its id has to be recorded first, and nobody is there to do it: nothing may be sent, and nothing become visible.
  Result<v1::RunTaskReply> running = run(TaskTable::run(tasks.get(), task));
  ASSERT_TRUE(running && running->has_running());
  EXPECT_FALSE(bucket.content("a"));
  for (const ufs::RequestRecord& each : bucket.requests()) EXPECT_NE(each.operation, "put_part");
}

TEST_F(TaskTableTest, after_a_request_that_did_not_end_in_time_files_of_its_size_go_in_parts_for_a_while) {
  begin({{.operation = "put", .key = "", .fault = {StoreFaultKind::kHang, {}}}});
  const std::string content = pattern(1'000'000);
  seal(1, content);
  auto upload = [&](const std::string& key, uint64_t size) {
    v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, key, size);
    lay(task, 0, 1, size);
    return task;
  };
  EXPECT_FALSE(outcome_of(upload("a", content.size())).has_done());
  // In parts: nobody is there to record the upload, so that nothing more of it is seen.
  ASSERT_TRUE(run(TaskTable::run(tasks.get(), upload("b", 500'001))));
  EXPECT_EQ(bucket.open_uploads().size(), 1U);
  EXPECT_TRUE(outcome_of(upload("c", 500'000)).has_done());
  world.run_for(PutLimit::kRemembered);
  EXPECT_TRUE(outcome_of(upload("d", content.size())).has_done());
}

TEST_F(TaskTableTest, a_hole_and_objects_are_put_together_in_one_request) {
  begin();
  const std::string first = pattern(3000), second = "the end";
  seal(1, first);
  seal(2, second);
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", 10'000);
  lay(task, 1000, 1, first.size());
  lay(task, 9'993, 2, second.size());
  const Outcome outcome = outcome_of(task);
  ASSERT_TRUE(outcome.has_done()) << outcome.DebugString();
  EXPECT_EQ(outcome.operation(), 1U);
  EXPECT_EQ(outcome.epoch(), 1U);
  const std::string expected = std::string(1000, '\0') + first + std::string(10'000 - 4000 - 7, '\0') + second;
  EXPECT_TRUE(bucket.content("a") == expected);
  EXPECT_EQ(bucket.state("a")->stamp->crc32c, crc32c(as_bytes(expected)));
  EXPECT_EQ(bucket.state("a")->identity.text, outcome.done().identity());
}

TEST_F(TaskTableTest, a_restore_fills_missing_objects_seals_them_and_says_their_checksums) {
  begin();
  const std::string content = pattern(2'500'000);
  bucket.write_foreign("a", content);
  v1::RunTaskRequest task = request(v1::OPERATION_RESTORE, "a", content.size());
  expect_at_key(task, bucket.state("a")->identity.text);
  lay(task, 0, 1, 1'000'000, false);
  lay(task, 1'000'000, 2, 1'500'000, false);
  const Outcome outcome = outcome_of(task);
  ASSERT_EQ(outcome.done().restored_size(), 2) << outcome.DebugString();
  EXPECT_EQ(outcome.done().restored(1).object(), 2U);
  EXPECT_EQ(outcome.done().restored(1).crc32c(), crc32c(as_bytes(content.substr(1'000'000))));
  EXPECT_EQ(outcome.done().restored(1).workers(0), 7U);
  std::string got(1'500'000, '\0');
  ASSERT_TRUE(objects->read(ObjectId{2}, std::as_writable_bytes(std::span(got.data(), got.size())), 0));
  EXPECT_TRUE(got == content.substr(1'000'000));
}

TEST_F(TaskTableTest, an_object_that_was_removed_here_is_restored_here_all_the_same) {
  begin();
  bucket.write_foreign("a", "content");
  seal(1, "content");
  ASSERT_TRUE(objects->remove(ObjectId{1}));
  v1::RunTaskRequest task = request(v1::OPERATION_RESTORE, "a", 7);
  expect_at_key(task, bucket.state("a")->identity.text);
  lay(task, 0, 1, 7, false);
  EXPECT_TRUE(outcome_of(task).has_done());
}

TEST_F(TaskTableTest, a_restore_from_a_key_that_somebody_has_changed_is_refused_with_what_is_there) {
  begin();
  bucket.write_foreign("a", "other!!");
  v1::RunTaskRequest task = request(v1::OPERATION_RESTORE, "a", 7);
  expect_at_key(task, "ours");
  lay(task, 0, 1, 7, false);
  const Outcome outcome = outcome_of(task);
  ASSERT_TRUE(outcome.has_refused()) << outcome.DebugString();
  EXPECT_EQ(outcome.refused().key().foreign().length(), 7U);
}

TEST_F(TaskTableTest, a_restore_whose_bytes_end_early_fails_and_succeeds_when_they_are_whole) {
  begin({{.operation = "get", .key = "", .fault = {StoreFaultKind::kTruncated, {}}}});
  bucket.write_foreign("a", "content");
  v1::RunTaskRequest task = request(v1::OPERATION_RESTORE, "a", 7);
  expect_at_key(task, bucket.state("a")->identity.text);
  lay(task, 0, 1, 7, false);
  const Outcome first = outcome_of(task);
  ASSERT_TRUE(first.has_failed()) << first.DebugString();
  EXPECT_FALSE(first.failed().permanent());
  task.mutable_task()->mutable_operation()->set_operation(99);
  EXPECT_TRUE(outcome_of(task).has_done());
}

TEST_F(TaskTableTest, one_block_of_a_file_is_fetched_and_checked_against_its_checksum) {
  begin();
  const std::string content = pattern(300'000);
  bucket.write_foreign("a", content);
  v1::RunTaskRequest task = request(v1::OPERATION_RESTORE, "a", 100'000);
  expect_at_key(task, bucket.state("a")->identity.text);
  task.mutable_task()->mutable_operation()->mutable_record()->set_object(9);
  v1::ObjectLocation& block = *task.mutable_task()->mutable_operation()->mutable_layout()->add_objects();
  block.set_object(9);
  block.set_length(100'000);
  block.set_stored_version(3);
  block.set_stored_offset(150'000);
  block.set_crc32c(crc32c(as_bytes(content.substr(150'000, 100'000))) + 1);
  const Outcome refused = outcome_of(task);
  ASSERT_TRUE(refused.has_failed()) << refused.DebugString();
  EXPECT_EQ(objects->object_count(), 0U) << "what was fetched in vain takes no space";
  block.set_crc32c(block.crc32c() - 1);
  task.mutable_task()->mutable_operation()->set_operation(99);
  const Outcome outcome = outcome_of(task);
  ASSERT_EQ(outcome.done().restored_size(), 1) << outcome.DebugString();
  EXPECT_EQ(outcome.done().restored(0).crc32c(), block.crc32c());
}

TEST_F(TaskTableTest, a_damaged_copy_is_never_uploaded) {
  begin();
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", 7);
  lay(task, 0, 1, 7);  // the object is not here
  const Outcome outcome = outcome_of(task);
  ASSERT_TRUE(outcome.has_failed());
  EXPECT_FALSE(outcome.failed().permanent());
  EXPECT_TRUE(bucket.keys().empty());
}

TEST_F(TaskTableTest, somebody_elses_stamp_is_foreign_and_ours_is_ours) {
  begin();
  seal(1, "content");
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", 7);
  lay(task, 0, 1, 7);
  ASSERT_TRUE(outcome_of(task).has_done());
  v1::RunTaskRequest look = request(v1::OPERATION_ATTRIBUTES, "a", 0);
  look.mutable_task()->set_look(true);
  const Outcome ours = outcome_of(look);
  EXPECT_EQ(ours.refused().key().ours().inode(), 42U) << ours.DebugString();
  EXPECT_EQ(ours.refused().key().ours().version(), 3U);
  v1::RunTaskRequest other = request(v1::OPERATION_ATTRIBUTES, "a", 0);
  other.mutable_task()->set_look(true);
  other.mutable_task()->set_cluster("cluster-b");
  EXPECT_TRUE(outcome_of(other).refused().key().has_foreign());
}

// -- who looks after somebody who was given up --

TEST_F(TaskTableTest, a_look_that_comes_too_early_takes_no_place_and_says_when_to_come_again) {
  begin();
  bucket.write_foreign("a", "content");
  v1::RunTaskRequest look = request(v1::OPERATION_DELETE, "a", 0);
  expect_at_key(look, bucket.state("a")->identity.text);
  look.mutable_task()->set_look(true);
  Result<v1::RunTaskReply> early = run(TaskTable::run(tasks.get(), look));
  ASSERT_TRUE(early && early->has_ended());
  EXPECT_EQ(early->ended().outcome_case(), Outcome::OUTCOME_NOT_SET);
  EXPECT_FALSE(early->store_failed());
  EXPECT_EQ(early->look_again_ms(), 60'000U);
  EXPECT_EQ(tasks->running(), 0U);
  // Another worker, later: since the fence so much time has passed, whoever looks.
  v1::RunTaskRequest later = look;
  later.mutable_task()->mutable_operation()->mutable_record()->set_epoch(2);
  later.mutable_task()->mutable_operation()->set_quiet_ms(45'000);
  Result<v1::RunTaskReply> still_early = run(TaskTable::run(tasks.get(), later));
  ASSERT_TRUE(still_early && still_early->has_ended());
  EXPECT_EQ(still_early->look_again_ms(), 15'000U);
  later.mutable_task()->mutable_operation()->mutable_record()->set_epoch(3);
  later.mutable_task()->mutable_operation()->set_quiet_ms(60'000);
  EXPECT_TRUE(outcome_of(later).refused().key().has_foreign());
}

TEST_F(TaskTableTest, what_is_accomplished_is_seen_at_once) {
  begin();
  v1::RunTaskRequest look = request(v1::OPERATION_DELETE, "a", 0);
  expect_at_key(look, "ours");
  look.mutable_task()->set_look(true);
  EXPECT_TRUE(outcome_of(look).refused().key().has_nothing());
}

TEST_F(TaskTableTest, attributes_that_may_come_late_are_waited_for_before_an_identity_is_said) {
  ufs::MemoryBucket store(nas());
  memory = std::make_unique<ufs::MemoryStore>(store, process->env().clock);
  begin_with({{.operation = "set_attributes", .key = "b", .fault = {StoreFaultKind::kLate, seconds(20)}}});
  const ufs::Stamp stamp{.cluster = "cluster-a", .inode = InodeId{42}, .version = Version{3}};
  ufs::TextSource body("content");
  Result<ufs::Identity> put = run(memory->put({"a", stamp, ufs::Condition::absent(), "op"}, &body, {}));
  ASSERT_TRUE(put);
  v1::RunTaskRequest move = request(v1::OPERATION_MOVE, "b", 7);
  v1::Operation& operation = *move.mutable_task()->mutable_operation();
  operation.mutable_attr()->set_mtime_ns(17);
  operation.mutable_record()->set_source_key("a");
  operation.mutable_record()->mutable_source()->set_identity(put->text);
  EXPECT_EQ(outcome_of(move).outcome_case(), Outcome::OUTCOME_NOT_SET);
  const std::string renamed = store.state("b")->identity.text;
  for (const v1::OperationKind kind : {v1::OPERATION_MOVE, v1::OPERATION_ATTRIBUTES}) {
    v1::RunTaskRequest look = move;
    look.mutable_task()->set_look(true);
    look.mutable_task()->mutable_operation()->set_operation(++operations);
    look.mutable_task()->mutable_operation()->mutable_record()->set_kind(kind);
    EXPECT_EQ(outcome_of(look).outcome_case(), Outcome::OUTCOME_NOT_SET);
    look.mutable_task()->mutable_operation()->mutable_record()->set_epoch(2);
    look.mutable_task()->mutable_operation()->set_quiet_ms(60'000);
    EXPECT_EQ(outcome_of(look).refused().key().ours().identity(), store.state("b")->identity.text);
  }
  world.run_for(seconds(30));
  EXPECT_NE(store.state("b")->identity.text, renamed) << "they did not come";
}

// The master takes it for bound after this.
TEST_F(TaskTableTest, attributes_are_of_what_is_expected_at_the_key_also_where_the_store_has_none) {
  begin();
  seal(1, "content");
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", 7);
  lay(task, 0, 1, 7);
  const std::string identity = outcome_of(task).done().identity();
  v1::RunTaskRequest bind = request(v1::OPERATION_ATTRIBUTES, "a", 7);
  expect_at_key(bind, identity);
  EXPECT_EQ(outcome_of(bind).done().identity(), identity);
  bucket.write_foreign("a", "theirs");
  bind.mutable_task()->mutable_operation()->set_operation(++operations);
  EXPECT_TRUE(outcome_of(bind).refused().key().has_foreign());
  bucket.remove_foreign("a");
  bind.mutable_task()->mutable_operation()->set_operation(++operations);
  EXPECT_TRUE(outcome_of(bind).refused().key().has_nothing());
}

// -- directories --

TEST_F(TaskTableTest, a_directory_with_files_loses_the_empty_ones_below_it) {
  ufs::MemoryBucket store(nas());
  memory = std::make_unique<ufs::MemoryStore>(store, process->env().clock);
  begin_with();
  for (const char* directory : {"d/e/x", "d/e/y", "d/z/empty"}) ASSERT_TRUE(run(memory->make_directory(directory, {}, {})));
  store.write_foreign("d/f", "content");
  store.write_foreign("d/z/f", "content");
  EXPECT_TRUE(outcome_of(request(v1::OPERATION_REMOVE_DIRECTORY, "d", 0)).has_done());
  EXPECT_EQ(store.directories(), (std::vector<std::string>{"d", "d/z"}));
  store.remove_foreign("d/f");
  store.remove_foreign("d/z/f");
  EXPECT_TRUE(outcome_of(request(v1::OPERATION_REMOVE_DIRECTORY, "d", 0)).has_done());
  EXPECT_EQ(store.directories(), std::vector<std::string>{});
}

TEST_F(TaskTableTest, uploads_that_were_begun_and_not_recorded_are_aborted_but_for_somebody_elses) {
  begin();
  v1::RunTaskRequest look = request(v1::OPERATION_UPLOAD, "a", 6 * kGiB);
  const auto now = os::unix_nanos(process->env().clock.wall_now());
  look.mutable_task()->mutable_operation()->mutable_record()->set_started_ns(now);
  look.mutable_task()->set_look(true);
  Result<ufs::Upload> unrecorded = run(memory->create_upload({"a", {}, "op-1-1"}, {}));
  Result<ufs::Upload> theirs = run(memory->create_upload({"a", {}, "theirs"}, {}));
  ASSERT_TRUE(unrecorded && theirs);
  ufs::TextSource bytes("bytes");
  ASSERT_TRUE(run(memory->put_part(*theirs, 1, 0, &bytes, {})));
  EXPECT_TRUE(outcome_of(look).refused().key().has_nothing());
  ASSERT_EQ(bucket.open_uploads().size(), 1U);
  EXPECT_EQ(bucket.open_uploads()[0].id, theirs->id);
}

TEST_F(TaskTableTest, a_sweep_aborts_what_was_begun_in_its_time_and_nothing_of_anybody_elses) {
  begin();
  world.run_for(std::chrono::hours(1));
  const int64_t now = os::unix_nanos(process->env().clock.wall_now());
  Result<ufs::Upload> left = run(memory->create_upload({"a", {}, "op-1-1"}, {}));
  Result<ufs::Upload> other_key = run(memory->create_upload({"ab", {}, "op-1-2"}, {}));
  Result<ufs::Upload> theirs = run(memory->create_upload({"a", {}, "theirs"}, {}));
  ufs::TextSource bytes("bytes");
  ASSERT_TRUE(left && other_key && theirs && run(memory->put_part(*theirs, 1, 0, &bytes, {})));
  world.run_for(std::chrono::minutes(10));
  Result<ufs::Upload> later = run(memory->create_upload({"a", {}, "later"}, {}));
  ASSERT_TRUE(later);
  v1::RunTaskRequest task = request(v1::OPERATION_SWEEP, "a", 0);
  v1::OperationRecord& record = *task.mutable_task()->mutable_operation()->mutable_record();
  record.set_begun_from_ns(now - 1'000'000'000);
  record.set_begun_until_ns(now + 1'000'000'000);
  EXPECT_TRUE(outcome_of(task).has_done());
  std::vector<std::string> open;
  for (const ufs::Upload& upload : bucket.open_uploads()) open.push_back(upload.id);
  EXPECT_EQ(open, (std::vector<std::string>{other_key->id, theirs->id, later->id}));
}

TEST_F(TaskTableTest, where_uploads_have_the_operations_names_a_sweep_goes_by_these) {
  ufs::MemoryBucketConfig nas;
  nas.features.set(ufs::Feature::kFencedPut);
  ufs::MemoryBucket store(nas);
  memory = std::make_unique<ufs::MemoryStore>(store, process->env().clock);
  begin_with();
  Result<ufs::Upload> left = run(memory->create_upload({"a", {}, operation_name("cluster-a", 17)}, {}));
  Result<ufs::Upload> running = run(memory->create_upload({"a", {}, operation_name("cluster-a", 18)}, {}));
  Result<ufs::Upload> theirs = run(memory->create_upload({"a", {}, operation_name("cluster-b", 17)}, {}));
  ASSERT_TRUE(left && running && theirs);
  v1::RunTaskRequest task = request(v1::OPERATION_SWEEP, "a", 0);
  task.mutable_task()->mutable_operation()->mutable_record()->add_given_up(17);
  EXPECT_TRUE(outcome_of(task).has_done());
  std::vector<std::string> open;
  for (const ufs::Upload& upload : store.open_uploads()) open.push_back(upload.id);
  EXPECT_EQ(open.size(), 2U);
}

TEST_F(TaskTableTest, a_store_is_listed_and_looked_at) {
  begin();
  seal(1, "content");
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "k/ours", 7);
  lay(task, 0, 1, 7);
  ASSERT_TRUE(outcome_of(task).has_done());
  bucket.write_foreign("k/theirs", "x");
  bucket.write_foreign("other", "x");
  v1::ListStoreRequest list;
  list.mutable_mount()->set_mount(1);
  list.set_cluster("cluster-a");
  list.set_prefix("k/");
  Result<v1::ListStoreReply> listed = run(TaskTable::list(tasks.get(), list));
  ASSERT_TRUE(listed && listed->keys_size() == 2 && listed->cursor().empty());
  EXPECT_EQ(listed->keys(0).key(), "k/ours");
  EXPECT_EQ(listed->keys(0).identity(), bucket.state("k/ours")->identity.text);
  EXPECT_FALSE(listed->keys(0).has_seen());
  for (const char* key : {"k/ours", "k/theirs", "k/none"}) list.add_look(key);
  Result<v1::ListStoreReply> seen = run(TaskTable::list(tasks.get(), list));
  ASSERT_TRUE(seen && seen->keys_size() == 3);
  EXPECT_EQ(seen->keys(0).seen().ours().inode(), 42U);
  EXPECT_TRUE(seen->keys(1).seen().has_foreign());
  EXPECT_TRUE(seen->keys(2).seen().has_nothing());
}

TEST_F(TaskTableTest, where_a_put_cannot_be_fenced_a_small_file_goes_in_parts_too) {
  ufs::MemoryBucketConfig plain;
  plain.features = {ufs::Feature::kPutIfAbsent};
  ufs::MemoryBucket store(plain);
  memory = std::make_unique<ufs::MemoryStore>(store, process->env().clock);
  begin_with();
  seal(1, "content");
  v1::RunTaskRequest fresh = request(v1::OPERATION_UPLOAD, "a", 7);
  lay(fresh, 0, 1, 7);
  ASSERT_TRUE(outcome_of(fresh).has_done());
  v1::RunTaskRequest over = request(v1::OPERATION_UPLOAD, "a", 7);
  lay(over, 0, 1, 7);
  expect_at_key(over, store.state("a")->identity.text);
  (void)outcome_of(over);  // there is no coordinator to record the upload with
  std::vector<std::string> written;
  for (const ufs::RequestRecord& each : store.requests()) {
    if (each.operation == "put" || each.operation == "create_upload") written.push_back(each.operation);
  }
  EXPECT_EQ(written, (std::vector<std::string>{"put", "create_upload"}));
  EXPECT_TRUE(store.open_uploads().empty()) << "what could not be recorded is aborted";
}

TEST_F(TaskTableTest, a_refusal_that_does_not_pass_is_permanent_and_one_that_does_is_not) {
  begin({{.operation = "put", .key = "", .fault = {StoreFaultKind::kBusy, {}}}});
  seal(1, "content");
  v1::RunTaskRequest task = request(v1::OPERATION_UPLOAD, "a", 7);
  lay(task, 0, 1, 7);
  const Outcome busy_outcome = outcome_of(task);
  ASSERT_TRUE(busy_outcome.has_failed());
  EXPECT_FALSE(busy_outcome.failed().permanent());
  v1::RunTaskRequest name = request(v1::OPERATION_UPLOAD, std::string(2000, 'x'), 7);
  lay(name, 0, 1, 7);
  const Outcome refused = outcome_of(name);
  ASSERT_TRUE(refused.has_failed()) << refused.DebugString();
  EXPECT_TRUE(refused.failed().permanent());
}

TEST_F(TaskTableTest, a_task_whose_lease_ends_stops_and_its_outcome_is_nobodys_to_say) {
  begin({{.operation = "remove", .key = "", .fault = {StoreFaultKind::kHang, {}}}});
  v1::RunTaskRequest task = request(v1::OPERATION_DELETE, "a", 0);
  expect_at_key(task, "ours");
  task.set_lease_ms(5'000);
  task.set_wait_ms(10);
  ASSERT_TRUE(run(TaskTable::run(tasks.get(), task)));
  world.run_for(seconds(7));
  EXPECT_EQ(tasks->running(), 0U);
  task.set_join(true);
  Result<v1::RunTaskReply> reply = run(TaskTable::run(tasks.get(), task));
  ASSERT_TRUE(reply && reply->has_ended());
  EXPECT_EQ(reply->ended().outcome_case(), Outcome::OUTCOME_NOT_SET);
}

TEST_F(TaskTableTest, whoever_joins_a_task_that_is_not_known_hears_that_it_does_not_run) {
  begin();
  v1::RunTaskRequest task = request(v1::OPERATION_DELETE, "a", 0);
  task.set_join(true);
  Result<v1::RunTaskReply> reply = run(TaskTable::run(tasks.get(), task));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Code::kStale);
}

TEST_F(TaskTableTest, a_later_epoch_ends_the_earlier_one_before_it_begins) {
  begin({{.operation = "remove", .key = "", .fault = {StoreFaultKind::kHang, {}}}});
  v1::RunTaskRequest task = request(v1::OPERATION_DELETE, "a", 0);
  expect_at_key(task, "ours");
  task.set_wait_ms(10);
  ASSERT_TRUE(run(TaskTable::run(tasks.get(), task)));
  v1::RunTaskRequest later = task;
  later.mutable_task()->mutable_operation()->mutable_record()->set_epoch(2);
  later.set_wait_ms(10'000);
  EXPECT_TRUE(outcome_of(later).has_done());
  task.set_join(false);
  Result<v1::RunTaskReply> earlier = run(TaskTable::run(tasks.get(), task));
  ASSERT_TRUE(earlier && earlier->has_ended());
  EXPECT_EQ(earlier->ended().outcome_case(), Outcome::OUTCOME_NOT_SET);
}

TEST_F(TaskTableTest, more_tasks_than_it_takes_are_refused) {
  config.max_tasks = 2;
  begin({{.operation = "remove", .key = "", .fault = {StoreFaultKind::kHang, {}}},
         {.operation = "remove", .key = "", .fault = {StoreFaultKind::kHang, {}}}});
  for (int i = 0; i < 3; ++i) {
    v1::RunTaskRequest task = request(v1::OPERATION_DELETE, "a", 0);
    expect_at_key(task, "ours");
    task.set_wait_ms(10);
    Result<v1::RunTaskReply> reply = run(TaskTable::run(tasks.get(), task));
    EXPECT_EQ(reply.has_value(), i < 2);
    if (!reply) EXPECT_EQ(reply.error().code(), Code::kBusy);
  }
}

TEST(TokenBucketTest, lets_through_so_many_bytes_a_second) {
  os::SimWorld world{{}};
  auto process = world.start_process("w", "worker");
  TokenBucket bucket(process->env().clock, 1'000'000);
  struct Take {
    static Task<bool> run(TokenBucket* bucket) {
      for (int i = 0; i < 20; ++i) co_await bucket->take(500'000, {});
      co_return true;
    }
  };
  const os::Instant before = process->env().clock.now();
  ASSERT_TRUE(world.complete(Take::run(&bucket), std::chrono::minutes(1)));
  const Duration took = process->env().clock.now() - before;
  EXPECT_GE(took, milliseconds(9'700));
  EXPECT_LE(took, milliseconds(10'100));
}

}  // namespace
}  // namespace forebay::worker
