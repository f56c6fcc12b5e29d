#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

// A key that has the version already, from when the file had the name before.
class BoundAgainTest : public PersistWorld {
 protected:
  // Two names of a file are clean; one is removed and given to the other, before its key was cleared.
  void start_with_name_given_back(const std::string& policies = R"("onDelete": "delete")") {
    start_mapped(policies);
    write_file("/c/a", 10);
    ASSERT_TRUE(link("/c/a", "/c/b"));
    run_all();
    ASSERT_TRUE(unlink("/c/a"));
    ASSERT_TRUE(link("/c/b", "/c/a"));
  }
  v1::Operation look() {
    v1::StartIntentReply reply = start_intent("persist a");
    EXPECT_EQ(text_of(reply.started().record()), "attributes k/a");
    return reply.started();
  }
};

TEST_F(BoundAgainTest, it_is_looked_at_and_bound_and_not_uploaded_again) {
  start_with_name_given_back();
  EXPECT_EQ(run_all(), Texts{"attributes k/a"});
  EXPECT_EQ(bound_key("/c/a"), "k/a");
  EXPECT_TRUE(is_clean("/c/a") && is_clean("/c/b"));
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(BoundAgainTest, with_keep_as_well) {
  start_with_name_given_back(R"("onDelete": "keep")");
  EXPECT_EQ(run_all(), Texts{"attributes k/a"});
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(BoundAgainTest, what_somebody_has_put_there_meanwhile_is_a_conflict) {
  start_with_name_given_back();
  EXPECT_EQ(finish_refused(look(), foreign()), "conflict");
  EXPECT_FALSE(is_clean("/c/a"));
  EXPECT_TRUE(binding_record(binding_of("/c/a"))->has_conflict());
  EXPECT_EQ(run_all(), Texts{}) << "theirs is neither replaced nor removed";
}

TEST_F(BoundAgainTest, what_somebody_has_removed_is_uploaded) {
  start_with_name_given_back();
  EXPECT_EQ(finish_refused(look(), absent()), "again");
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(BoundAgainTest, until_it_is_bound_it_is_not_clean_and_given_up_it_is_looked_at_again) {
  start_with_name_given_back();
  const v1::Operation looking = look();
  EXPECT_FALSE(is_clean("/c/a"));
  const Result<v1::Operation> fenced = fence(looking, true);
  ASSERT_TRUE(fenced);
  EXPECT_EQ(give_up(*fenced, ours(looking.record().inode(), 1)), "again");
  EXPECT_EQ(run_all(), Texts{"attributes k/a"});
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(BoundAgainTest, removed_again_meanwhile_it_is_cleared) {
  start_with_name_given_back();
  const v1::Operation looking = look();
  ASSERT_TRUE(unlink("/c/a"));
  ASSERT_TRUE(finish_done(looking));
  EXPECT_EQ(run_all(), Texts{"delete k/a"});
}

TEST_F(BoundAgainTest, written_meanwhile_the_newest_version_is_uploaded_under_both_names) {
  start_with_name_given_back();
  const v1::Operation looking = look();
  rewrite("/c/a", 20);
  ASSERT_TRUE(finish_done(looking));
  Texts done = run_all();
  std::ranges::sort(done);
  EXPECT_EQ(done, (Texts{"upload k/a", "upload k/b"}));
}

// The binding that comes has a key of its own, with an older version.
TEST_F(BoundAgainTest, the_key_that_the_entry_had_before_is_cleared) {
  start_mapped();
  write_file("/c/a", 10);
  ASSERT_TRUE(link("/c/a", "/c/b"));
  run_all();
  rewrite("/c/a", 20);
  ASSERT_TRUE(finish_done(upload("a")));
  ASSERT_TRUE(unlink("/c/a"));
  ASSERT_TRUE(rename("/c/b", "/c/a"));
  Texts done = run_all();
  EXPECT_EQ(done, (Texts{"attributes k/a", "delete k/b"}));
  EXPECT_TRUE(is_clean("/c/a"));
}

}  // namespace
}  // namespace forebay::master
