#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

// Towards a store that renames and has directories and attributes.
class NasOperationsTest : public PersistWorld {
 protected:
  void start() { start_mapped(R"("onDelete": "delete")", true); }
};

// On a NAS attributes are written by name, and one that comes late makes what is there another identity.
TEST_F(NasOperationsTest, a_file_whose_identity_has_changed_without_its_content_still_moves) {
  start();
  const v1::Attr attr = write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  const v1::StartIntentReply first = start_intent("settle b");
  ASSERT_TRUE(first.has_started());
  ASSERT_EQ(first.started().record().source().identity(), identity_of(attr.inode(), 1));
  v1::FinishOperationRequest refused;
  *refused.mutable_refused()->mutable_key() = absent();
  *refused.mutable_refused()->mutable_source() = ours(attr.inode(), 1, "of the late attributes");
  EXPECT_EQ(finish(refused, first.started()), "again");
  const v1::StartIntentReply second = start_intent("settle b");
  ASSERT_TRUE(second.has_started());
  EXPECT_EQ(text_of(second.started().record()), "move k/a k/b");
  EXPECT_EQ(second.started().record().source().identity(), "of the late attributes");
}

TEST_F(NasOperationsTest, attributes_that_may_not_have_followed_a_rename_are_written_again) {
  start();
  const v1::Attr attr = write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  const v1::StartIntentReply reply = start_intent("settle b");
  ASSERT_TRUE(reply.has_started());
  EXPECT_EQ(finish_refused(reply.started(), ours(attr.inode(), 1, identity_of(attr.inode(), 1))), "stored");
  const Texts done = run_all();
  EXPECT_NE(std::ranges::find(done, "attributes k/b"), done.end());
  EXPECT_TRUE(is_clean("/c/b"));
}

TEST_F(NasOperationsTest, what_was_wanted_of_a_directory_meanwhile_outlives_a_failure) {
  start();
  mkdir("/c/d");
  const v1::StartIntentReply making = start_intent("directory k/d");
  ASSERT_TRUE(making.has_started());
  mkdir("/c/d/e");
  ASSERT_TRUE(rename("/c/d", "/c/x"));
  mkdir("/c/d");
  v1::FinishOperationRequest failed;
  failed.mutable_failed()->set_error("the store does not answer");
  ASSERT_TRUE(finish(failed, making.started()));
  now += std::chrono::seconds(5);
  const Texts done = run_all();
  EXPECT_NE(std::ranges::find(done, "rmdir k/d"), done.end()) << "what the other left there stays";
  EXPECT_EQ(intents(), Texts{});
}

// The directory was looked through under the other name, and what is in it has a turn there; then nothing has to move.
TEST_F(NasOperationsTest, what_never_left_an_ordered_directory_holds_nobody_up_when_its_attributes_are_written) {
  start_mapped(R"("onDelete": "delete", "order": "directory")", true);
  mkdir("/c/d");
  write_file("/c/d/a", 10);
  run_all();
  ASSERT_TRUE(rename("/c/d", "/c/e"));
  for (const Waiting& each : waiting()) {
    if (each.text.starts_with("tree")) start_at(each.place);
  }
  ASSERT_TRUE(rename("/c/e", "/c/d"));
  v1::SetAttrRequest mode;
  mode.set_inode(inode_of("/c/d/a").value);
  mode.set_mode(0600);
  ASSERT_TRUE(run(ops::set_attr, mode));
  const v1::StartIntentReply reply = start_intent("settle a");
  ASSERT_EQ(text_of(reply.started().record()), "attributes k/d/a");
  EXPECT_EQ(finish_done(reply.started()), "written");
  EXPECT_EQ(binding_record(binding_of("/c/d/a"))->order(), 0u) << "it has its turn, and nothing to do with it";
}

}  // namespace
}  // namespace forebay::master
