#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class ApplyMappingTest : public PersistWorld {};

TEST_F(ApplyMappingTest, a_target_without_a_mount_is_named_with_what_to_do) {
  auto applied = map();
  ASSERT_EQ(code_of(applied), Code::kInvalid);
  const std::string& message = applied.error().message();
  EXPECT_NE(message.find("mapping file map.json: entry '/c'"), std::string::npos) << message;
  EXPECT_NE(message.find("mount add"), std::string::npos) << message;
  EXPECT_EQ(count("A") + count("G"), 0u);
  EXPECT_EQ(inode_of("/c"), InodeId{});
}

TEST_F(ApplyMappingTest, missing_directories_are_made_with_the_rights_of_those_above) {
  ASSERT_TRUE(mkdir("/c", 0775));
  ASSERT_TRUE(chown("/c", 10, 20));
  ASSERT_TRUE(add_mount("/ufs"));
  ASSERT_TRUE(apply(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c/x/y": "/ufs/k"}})"));
  auto made = stat("/c/x/y");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->uid(), 10u);
  EXPECT_EQ(made->gid(), 20u);
  EXPECT_EQ(made->mode(), 0775u);
}

TEST_F(ApplyMappingTest, what_is_there_already_is_persisted) {
  mkdir("/c");
  mkdir("/c/d");
  write_file("/c/d/a", 10);
  ASSERT_TRUE(add_mount("/ufs"));
  auto applied = map();
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->added(), 1u);
  EXPECT_EQ(run_all(), Texts{"upload k/d/a"});
}

TEST_F(ApplyMappingTest, the_same_text_again_changes_nothing) {
  start_mapped();
  auto again = map();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->added() + again->changed() + again->removed(), 0u);
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(ApplyMappingTest, a_bad_file_leaves_the_old_mapping_in_force) {
  start_mapped();
  EXPECT_EQ(code_of(apply("{")), Code::kInvalid);
  write_file("/c/a", 10);
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
}

TEST_F(ApplyMappingTest, a_removed_mapping_leaves_objects_and_what_is_known_of_them_alone) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  auto applied = apply(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {}})");
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->removed(), 1u);
  rewrite("/c/a", 20);
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  EXPECT_EQ(run_all(), Texts{});
  EXPECT_EQ(bound_key("/c/b"), "k/a");
  ASSERT_TRUE(unlink("/c/b"));
  EXPECT_EQ(run_all(), Texts{});
}

TEST_F(ApplyMappingTest, another_target_gets_everything_and_the_old_one_keeps_it) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(apply(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": "/ufs/other"}})"));
  Texts done = run_all();
  EXPECT_EQ(done, Texts{"move k/a other/a"});
}

TEST_F(ApplyMappingTest, a_change_that_was_not_committed_is_forgotten) {
  ASSERT_TRUE(add_mount("/ufs"));
  mkdir("/c");
  auto refused = change([&](MutationContext& context) -> Result<void> {
    v1::ApplyMappingRequest request;
    request.set_file("map.json");
    request.set_text(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": "/ufs/k"}})");
    TRY(ops::apply_mapping(context, request));
    EXPECT_FALSE((*persistence.mappings.in_force(context.txn))->empty());
    return busy("the batch fails");
  });
  EXPECT_EQ(code_of(refused), Code::kBusy);
  write_file("/c/a", 10);
  EXPECT_EQ(count("B"), 0u);
}

TEST_F(ApplyMappingTest, only_the_superuser_may) {
  as = user(5, 5);
  EXPECT_EQ(error_of(add_mount("/ufs")), EPERM);
  EXPECT_EQ(error_of(map()), EPERM);
}

TEST_F(ApplyMappingTest, mounts_do_not_overlap_and_stay_while_they_are_used) {
  start_mapped();
  EXPECT_EQ(error_of(add_mount("/ufs")), EEXIST);
  EXPECT_EQ(error_of(add_mount("/ufs/below")), EEXIST);
  ASSERT_TRUE(add_mount("/ufs2"));
  v1::RemoveMountRequest request;
  request.set_path("/ufs");
  EXPECT_EQ(error_of(run(ops::remove_mount, request)), EBUSY);
  request.set_path("/ufs2");
  EXPECT_TRUE(run(ops::remove_mount, request));
  EXPECT_EQ(error_of(run(ops::remove_mount, request)), ENOENT);
  for (const char* path : {"", "ufs3", "/", "/a/../b", "/a/"}) EXPECT_EQ(code_of(add_mount(path)), Code::kInvalid) << path;
}

TEST_F(ApplyMappingTest, secrets_of_mounts_are_never_listed) {
  ASSERT_TRUE(add_mount("/ufs"));
  auto listed = run(ops::list_mounts, v1::Empty{});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->DebugString().find("do not show"), std::string::npos);
  EXPECT_NE(listed->DebugString().find("s3.secretKey"), std::string::npos);
}

}  // namespace
}  // namespace forebay::master
