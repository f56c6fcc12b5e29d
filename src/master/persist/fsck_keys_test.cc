#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class FsckKeysTest : public PersistWorld {
 protected:
  void SetUp() override {
    start_mapped();
    write_file("/c/a", 10);
    write_file("/c/b", 10);
    run_all();
  }
  v1::StoredKey& stored(const std::string& key, const std::string& identity) {
    v1::StoredKey& made = *request.add_keys();
    made.set_key(key);
    made.set_identity(identity);
    return made;
  }
  Texts problems_of() {
    request.set_mount(1);
    request.set_prefix("k");
    as = root();
    auto reply = run(ops::fsck_keys, request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    Texts found;
    for (const v1::KeyProblem& each : reply->problems()) found.push_back(each.key() + ": " + each.problem());
    for (const std::string& key : reply->unknown()) found.push_back("unknown " + key);
    request.Clear();
    return found;
  }
  std::string identity(const std::string& path) { return binding_record(binding_of(path))->bound().identity(); }

  v1::FsckKeysRequest request;
};

TEST_F(FsckKeysTest, a_store_as_it_is_recorded_has_no_problems) {
  stored("k/a", identity("/c/a"));
  stored("k/b", identity("/c/b"));
  EXPECT_EQ(problems_of(), Texts{});
}

TEST_F(FsckKeysTest, what_is_missing_or_changed_is_named) {
  stored("k/b", "other");
  const Texts found = problems_of();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0].starts_with("k/a: version 1 of inode ") && found[0].ends_with("the store has nothing")) << found[0];
  EXPECT_TRUE(found[1].starts_with("k/b: version 1 of inode ") && found[1].ends_with("somebody has changed it")) << found[1];
}

TEST_F(FsckKeysTest, only_the_stretch_that_was_listed_is_compared) {
  request.set_from("k/b");
  stored("k/b", identity("/c/b"));
  EXPECT_EQ(problems_of(), Texts{});
  request.set_to("k/b");
  stored("k/a", identity("/c/a"));
  EXPECT_EQ(problems_of(), Texts{});
}

TEST_F(FsckKeysTest, what_is_not_recorded_is_a_problem_when_it_is_ours) {
  auto all = [&](const v1::Seen* seen) {
    stored("k/a", identity("/c/a"));
    stored("k/b", identity("/c/b"));
    v1::StoredKey& extra = stored("k/c", "x");
    if (seen) *extra.mutable_seen() = *seen;
    return problems_of();
  };
  EXPECT_EQ(all(nullptr), Texts{"unknown k/c"});
  v1::Seen seen = foreign();
  EXPECT_EQ(all(&seen), Texts{});
  seen.mutable_ours()->set_inode(4711);
  seen.mutable_ours()->set_version(3);
  EXPECT_EQ(all(&seen), Texts{"k/c: version 3 of inode 4711 is here, and nothing is recorded of it"});
}

TEST_F(FsckKeysTest, what_is_just_being_changed_or_kept_is_none) {
  rewrite("/c/a", 20);
  const v1::StartIntentReply reply = start_intent("persist a");
  ASSERT_TRUE(reply.has_started());
  ASSERT_TRUE(unlink("/c/b"));
  EXPECT_EQ(problems_of(), Texts{});
}

TEST_F(FsckKeysTest, it_is_the_superusers) {
  as = user(1000, 1000);
  EXPECT_EQ(error_of(run(ops::fsck_keys, request)), EPERM);
}

}  // namespace
}  // namespace forebay::master
