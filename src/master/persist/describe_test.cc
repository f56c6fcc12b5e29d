// What people see of persistence, and how they hurry it.
#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class DescribeTest : public PersistWorld {
 protected:
  v1::EntryPersistence entry(const std::string& directory, const std::string& name) {
    v1::DescribeEntriesRequest request;
    request.set_directory(inode_of(directory).value);
    request.add_names(name);
    auto reply = run(ops::describe_entries, request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->entries_size(), 1);
    return reply->entries().empty() ? v1::EntryPersistence{} : reply->entries(0);
  }
  Result<v1::PersistEntriesReply> persist(const std::string& directory, const std::string& name) {
    v1::PersistEntriesRequest request;
    request.set_directory(inode_of(directory).value);
    request.add_names(name);
    return run(ops::persist_entries, request);
  }
  void fail_upload(const std::string& intent, bool permanent = false) {
    const v1::StartIntentReply started = start_intent(intent);
    ASSERT_TRUE(started.has_started());
    v1::FinishOperationRequest request;
    request.mutable_failed()->set_error("the store is closed");
    request.mutable_failed()->set_permanent(permanent);
    ASSERT_TRUE(finish(std::move(request), started.started()));
  }
};

TEST_F(DescribeTest, a_file_is_seen_on_its_way) {
  start_mapped();
  write_file("/c/a", 10);
  v1::EntryPersistence now = entry("/c", "a");
  EXPECT_EQ(now.state(), v1::PERSIST_STATE_TO_BE_PERSISTED);
  EXPECT_EQ(now.target(), "k/a");
  EXPECT_NE(now.dirty_since_ns(), 0);
  EXPECT_FALSE(now.has_bound());

  run_all();
  now = entry("/c", "a");
  EXPECT_EQ(now.state(), v1::PERSIST_STATE_PERSISTED);
  EXPECT_EQ(now.bound().key(), "k/a");
  EXPECT_EQ(now.bound().version(), now.version());
  EXPECT_FALSE(now.bound().identity().empty());
  EXPECT_EQ(now.dirty_since_ns(), 0);

  ASSERT_TRUE(rename("/c/a", "/c/b"));
  now = entry("/c", "b");
  EXPECT_EQ(now.state(), v1::PERSIST_STATE_TO_BE_PERSISTED);
  EXPECT_EQ(now.bound().key(), "k/a");
  EXPECT_EQ(now.target(), "k/b");
  run_all();
}

TEST_F(DescribeTest, what_no_mapping_wants_is_not_to_be_persisted) {
  start_mapped();
  ASSERT_TRUE(map(R"("onDelete": "delete")", R"(".tmp")"));
  mkdir("/d");
  write_file("/d/a", 10);
  write_file("/c/x.tmp", 10);
  for (const auto& [directory, name] : {std::pair("/d", "a"), std::pair("/c", "x.tmp")}) {
    const v1::EntryPersistence now = entry(directory, name);
    EXPECT_EQ(now.state(), v1::PERSIST_STATE_NOT_PERSISTED) << name;
    EXPECT_EQ(now.target_mount(), 0u);
  }
  run_all();
}

TEST_F(DescribeTest, a_failure_is_shown_with_its_file_and_can_be_tried_again_at_once) {
  start_mapped();
  write_file("/c/a", 10);
  fail_upload("persist a", true);
  EXPECT_EQ(entry("/c", "a").error(), "the store is closed");
  auto status = run(ops::persist_status, v1::PersistStatusRequest{});
  ASSERT_TRUE(status);
  ASSERT_EQ(status->failures_size(), 1);
  EXPECT_EQ(status->failures(0).path(), "/c/a");
  EXPECT_EQ(status->failures(0).key(), "k/a");
  EXPECT_EQ(status->bytes(), 10u);
  ASSERT_EQ(status->mappings_size(), 1);
  EXPECT_EQ(status->mappings(0).path(), "/c");
  EXPECT_EQ(status->mappings(0).failing(), 1u);
  EXPECT_EQ(intents(), Texts{});

  v1::RetryIntentsRequest at_mount;  // its store is back: what cannot pass by itself is not meant
  at_mount.set_mount(1);
  auto retried = run(ops::retry_intents, at_mount);
  ASSERT_TRUE(retried);
  EXPECT_EQ(retried->retried(), 0u);
  retried = run(ops::retry_intents, v1::RetryIntentsRequest{});
  ASSERT_TRUE(retried);
  EXPECT_EQ(retried->retried(), 1u);
  EXPECT_TRUE(retried->cursor().empty());
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
}

TEST_F(DescribeTest, what_waits_for_its_delay_can_be_hurried) {
  start_mapped(R"("settle": "1h")");
  write_file("/c/a", 10);
  EXPECT_EQ(run_all(), Texts{});
  auto hurried = persist("/c", "a");
  ASSERT_TRUE(hurried) << hurried.error().to_string();
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
}

TEST_F(DescribeTest, permissions_are_those_of_the_files) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(chmod("/c/a", 0644));
  as = user(5, 5);
  EXPECT_EQ(error_of(persist("/c", "a")), EACCES);
  EXPECT_EQ(error_of(run(ops::retry_intents, v1::RetryIntentsRequest{})), EPERM);
  EXPECT_EQ(error_of(run(ops::update_mount, v1::UpdateMountRequest{})), EPERM);
  as = root();
  ASSERT_TRUE(chmod("/c", 0700));
  as = user(5, 5);
  v1::DescribeEntriesRequest request;
  as = root();
  request.set_directory(inode_of("/c").value);
  as = user(5, 5);
  request.add_names("a");
  EXPECT_EQ(error_of(run(ops::describe_entries, request)), EACCES);
  as = root();
  run_all();
}

TEST_F(DescribeTest, a_mount_gets_other_options_and_keeps_its_place) {
  start_mapped();
  v1::UpdateMountRequest request;
  request.set_path("/ufs");
  v1::MountOption& option = *request.add_options();
  option.set_name("calls");
  option.set_value("4");
  ASSERT_TRUE(run(ops::update_mount, request));
  auto listed = run(ops::list_mounts, v1::Empty{});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->mounts_size(), 1);
  EXPECT_EQ(listed->mounts(0).record().uri(), "memory://store");
  ASSERT_EQ(listed->mounts(0).record().options_size(), 1);
  EXPECT_EQ(listed->mounts(0).record().options(0).value(), "4");
  request.set_path("/nowhere");
  EXPECT_EQ(error_of(run(ops::update_mount, request)), ENOENT);
}

}  // namespace
}  // namespace forebay::master
