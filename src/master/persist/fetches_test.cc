#include "master/persist/fetches.h"

#include "master/cluster/copies.h"
#include "master/evict/candidates.h"
#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class FetchesTest : public PersistWorld {
 protected:
  v1::RestoreReply restore(const std::string& path, std::vector<uint64_t> unreachable = {}) {
    v1::RestoreRequest request;
    request.set_inode(inode_of(path).value);
    request.set_length(1'000'000);
    for (const uint64_t object : unreachable) request.add_unreachable(object);
    auto reply = run(ops::restore, request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply.value_or(v1::RestoreReply());
  }
  std::vector<uint64_t> wanted() {
    std::vector<uint64_t> objects;
    EXPECT_TRUE(store_->scan("f", kv::prefix_end("f"), [&](std::string_view key, std::string_view) {
      objects.push_back(read_big_endian(key.substr(1)));
      return true;
    }));
    return objects;
  }
  v1::StartIntentReply start_fetch(uint64_t object) {
    as = root();
    v1::StartFetchRequest request;
    request.set_object(object);
    auto reply = run(ops::start_fetch, request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply.value_or(v1::StartIntentReply());
  }
  v1::Operation fetch_one() {
    EXPECT_EQ(wanted().size(), 1U);
    const v1::StartIntentReply reply = start_fetch(wanted().front());
    EXPECT_TRUE(reply.has_started());
    return reply.started();
  }
  Result<v1::FreeReply> free(const std::string& path, bool force = false) {
    v1::FreeRequest request;
    request.set_inode(inode_of(path).value);
    request.set_force(force);
    return run(ops::free, request);
  }
  void pin(const std::string& path, bool pinned) {
    v1::SetPinnedRequest request;
    request.set_inode(inode_of(path).value);
    request.set_pinned(pinned);
    EXPECT_TRUE(run(ops::set_pinned, request));
  }
  // Written, persisted, and taken out of the cache.
  void absent(const std::string& path, uint64_t bytes = 10) {
    write_file(path, bytes);
    run_all();
    ASSERT_TRUE(free(path));
    EXPECT_TRUE(stat(path)->absent());
  }
  uint64_t only_object(const std::string& path) {
    auto found = layout(inode_of(path));
    EXPECT_TRUE(found && found->objects_size() == 1);
    return found ? found->objects(0).object() : 0;
  }
};

TEST_F(FetchesTest, readers_of_one_block_share_one_fetch_and_its_copy_counts) {
  start_mapped();
  absent("/c/a");
  EXPECT_EQ(restore("/c/a").waiting(), 1U);
  EXPECT_EQ(restore("/c/a").waiting(), 1U);
  const v1::Operation operation = fetch_one();
  EXPECT_TRUE(start_fetch(operation.record().object()).has_nothing()) << "it is being fetched";
  EXPECT_EQ(operation.record().key(), "k/a");
  EXPECT_EQ(operation.layout().objects(0).stored_version(), 1U);
  EXPECT_EQ(operation.layout().objects(0).length(), 10U);
  EXPECT_EQ(finish_done(operation), "restored");
  EXPECT_EQ(restore("/c/a").waiting(), 0U);
  EXPECT_EQ(layout(inode_of("/c/a"))->objects(0).workers_size(), 1);
  EXPECT_FALSE(stat("/c/a")->absent());
  EXPECT_TRUE(wanted().empty());
}

TEST_F(FetchesTest, a_failure_is_said_to_who_asks_and_given_up_when_nobody_does) {
  start_mapped();
  absent("/c/a");
  restore("/c/a");
  v1::FinishOperationRequest failed;
  failed.mutable_failed()->set_error("the store says 503");
  EXPECT_EQ(finish(failed, fetch_one()), "failed");
  EXPECT_EQ(restore("/c/a").problem(), "the store says 503");
  now += std::chrono::minutes(2);
  EXPECT_EQ(finish(failed, fetch_one()), "given up");
  EXPECT_TRUE(wanted().empty());
  EXPECT_EQ(restore("/c/a").problem(), "") << "asked for anew";
}

TEST_F(FetchesTest, other_bytes_than_were_sealed_never_count) {
  start_mapped();
  absent("/c/a");
  restore("/c/a");
  const v1::Operation operation = fetch_one();
  v1::FinishOperationRequest request;
  v1::RestoredObject& restored = *request.mutable_done()->add_restored();
  restored.set_object(operation.record().object());
  restored.set_crc32c(99);
  restored.add_workers(1);
  EXPECT_EQ(finish(request, operation), "failed");
  EXPECT_EQ(layout(inode_of("/c/a"))->objects(0).workers_size(), 0);
  EXPECT_TRUE(has(key::remove_duty(WorkerId{1}, ObjectId{operation.record().object()}))) << "the copy goes";
  // While it may still be deleted, a copy there does not count, right as it may be.
  now += std::chrono::seconds(10);
  EXPECT_EQ(finish_done(fetch_one()), "failed");
  v1::WorkerHeartbeatRequest done;
  done.add_removed(operation.record().object());
  EXPECT_TRUE(change([&](MutationContext& context) { return take_done(context.txn, WorkerId{1}, done); }));
  now += std::chrono::seconds(10);
  EXPECT_EQ(finish_done(fetch_one()), "restored");
}

TEST_F(FetchesTest, a_file_that_is_removed_meanwhile_needs_no_copy) {
  start_mapped();
  absent("/c/a");
  restore("/c/a");
  const v1::Operation operation = fetch_one();
  ASSERT_TRUE(unlink("/c/a"));
  reclaim();
  EXPECT_TRUE(wanted().empty());
  EXPECT_EQ(finish_done(operation), "nobody needs it any more");
  EXPECT_TRUE(has(key::remove_duty(WorkerId{1}, ObjectId{operation.record().object()})));
  run_all();
}

TEST_F(FetchesTest, somebody_elses_object_is_a_conflict_for_the_reader) {
  start_mapped();
  absent("/c/a");
  restore("/c/a");
  EXPECT_EQ(finish_refused(fetch_one(), foreign()), "conflict");
  const v1::RestoreReply reply = restore("/c/a");
  EXPECT_TRUE(reply.lost());
  EXPECT_NE(reply.problem().find("somebody else has changed 'k/a'"), std::string::npos) << reply.problem();
  EXPECT_TRUE(binding_record(binding_of("/c/a"))->has_conflict());
}

TEST_F(FetchesTest, where_the_policy_decides_a_file_whose_content_was_destroyed_is_decided_when_it_has_one_again) {
  start_mapped(R"("onDelete": "delete", "onConflict": "cache-wins")");
  absent("/c/a");
  restore("/c/a");
  EXPECT_EQ(finish_refused(fetch_one(), foreign()), "conflict");
  rewrite("/c/a", 20);
  const v1::StartIntentReply first = start_intent("persist a");
  ASSERT_TRUE(first.has_started());
  EXPECT_EQ(finish_refused(first.started(), foreign()), "conflict: theirs will be replaced");
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(FetchesTest, what_somebody_destroyed_at_one_name_comes_from_the_other) {
  start_mapped(R"("onDelete": "delete", "onConflict": "cache-wins")");
  write_file("/c/a", 10);
  ASSERT_TRUE(link("/c/a", "/c/b"));
  run_all();
  ASSERT_TRUE(free("/c/a"));
  restore("/c/a");
  const v1::Operation operation = fetch_one();
  const std::string destroyed = operation.record().key();
  EXPECT_EQ(finish_refused(operation, foreign()), "conflict: another name has the content");
  const std::string other = destroyed == "k/a" ? "k/b" : "k/a";
  EXPECT_EQ(run_all(), (Texts{"restore " + other, "upload " + destroyed}));
  EXPECT_TRUE(is_clean("/c/a") && is_clean("/c/b"));
}

TEST_F(FetchesTest, copies_that_are_damaged_or_at_nobody_who_is_live_come_back_where_the_version_is_clean) {
  start_mapped();
  write_file("/c/a", 10);
  EXPECT_EQ(restore("/c/a").waiting(), 0U);
  v1::WorkerHeartbeatRequest damaged;
  damaged.add_damaged(only_object("/c/a"));
  for (const uint64_t worker : {1, 2})
    EXPECT_TRUE(change([&](MutationContext& context) { return take_done(context.txn, WorkerId{worker}, damaged); }));
  EXPECT_TRUE(restore("/c/a").lost()) << "it is dirty";

  write_file("/c/b", 10);
  run_all();
  damaged.set_damaged(0, only_object("/c/b"));
  for (const uint64_t worker : {1, 2})
    EXPECT_TRUE(change([&](MutationContext& context) { return take_done(context.txn, WorkerId{worker}, damaged); }));
  EXPECT_EQ(restore("/c/b").waiting(), 1U);
  EXPECT_EQ(finish_done(fetch_one()), "restored");
}

TEST_F(FetchesTest, free_asks_for_permission_and_leaves_what_is_dirty_in_use_or_pinned) {
  start_mapped();
  write_file("/c/a", 10);
  auto refused = free("/c/a");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(EBUSY));
  run_all();
  as = user(1000, 1000);
  refused = free("/c/a");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(EACCES)) << refused.error().to_string();
  as = root();
  pin("/c", true);
  refused = free("/c/a");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(EPERM));
  EXPECT_EQ(free("/c/a", true)->bytes(), 10U);
  EXPECT_EQ(free("/c/a", true)->bytes(), 0U) << "again";
  EXPECT_FALSE(free("/c")) << "a directory";
}

TEST_F(FetchesTest, candidates_are_clean_files_of_mappings_that_let_them_go) {
  start_mapped(R"("onDelete": "delete", "evict": "clean")");
  for (const char* path : {"/c/a", "/c/b", "/c/pinned", "/c/absent"}) {
    write_file(path, 10);
    tick();
  }
  run_all();
  pin("/c/pinned", true);
  ASSERT_TRUE(free("/c/absent"));
  write_file("/c/dirty", 10);
  AccessTable accesses;
  accesses.note(inode_of("/c/a"), now_ns());
  auto slice = find_candidates(*store_, accesses, {{WorkerId{1}, 1}}, 0, 100);
  ASSERT_TRUE(slice);
  std::sort(slice->found.begin(), slice->found.end());
  std::vector<InodeId> inodes;
  for (const Candidate& candidate : slice->found) inodes.push_back(candidate.inode);
  EXPECT_EQ(inodes, (std::vector{inode_of("/c/b"), inode_of("/c/a")})) << "the one that was read last is last";
  EXPECT_EQ(slice->found[0].bytes.at(WorkerId{1}), 10U);
  EXPECT_EQ(slice->next, 0U);
  EXPECT_NE(find_candidates(*store_, accesses, {{WorkerId{1}, 1}}, 0, 1)->next, 0U) << "there are more";
  ASSERT_TRUE(map(R"("onDelete": "delete")"));
  EXPECT_TRUE(find_candidates(*store_, accesses, {{WorkerId{1}, 1}}, 0, 100)->found.empty());
  run_all();
}

}  // namespace
}  // namespace forebay::master
