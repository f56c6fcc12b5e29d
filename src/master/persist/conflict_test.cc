#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class ConflictTest : public PersistWorld {
 protected:
  v1::Operation upload(const std::string& name) {
    const v1::StartIntentReply reply = start_intent("persist " + name);
    EXPECT_TRUE(reply.has_started()) << reply.DebugString();
    return reply.started();
  }
  Result<v1::Empty> resolve_by(const std::string& path, v1::OnConflict by) {
    v1::ResolveConflictRequest request;
    request.set_binding(binding_of(path));
    request.set_by(by);
    return run(ops::resolve_conflict, request);
  }
  static v1::Seen absent() {
    v1::Seen seen;
    seen.mutable_nothing();
    return seen;
  }
};

TEST_F(ConflictTest, somebody_elses_object_that_goes_before_it_is_replaced_is_not_waited_for) {
  start_mapped(R"("onConflict": "cache-wins")");
  write_file("/c/a", 10);
  EXPECT_EQ(finish_refused(upload("a"), foreign()), "conflict: theirs will be replaced");
  const v1::Operation second = upload("a");
  EXPECT_EQ(second.record().expected_foreign(), "theirs");
  EXPECT_EQ(finish_refused(second, absent()), "again");
  const v1::Operation third = upload("a");
  EXPECT_EQ(third.record().expected_foreign(), "") << "the key is to be as it was seen last";
  ASSERT_TRUE(finish_done(third));
  EXPECT_TRUE(is_clean("/c/a"));
}

TEST_F(ConflictTest, a_decision_is_about_the_object_that_was_seen_and_no_later_one) {
  start_mapped();
  write_file("/c/a", 10);
  EXPECT_EQ(finish_refused(upload("a"), foreign()), "conflict");
  ASSERT_TRUE(resolve_by("/c/a", v1::ON_CONFLICT_CACHE_WINS));
  EXPECT_EQ(finish_refused(upload("a"), foreign("others")), "conflict");
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  EXPECT_EQ(run_all(), Texts{"upload k/b"});
  write_file("/c/a", 10);
  EXPECT_EQ(upload("a").record().expected_foreign(), "") << "nobody has decided for this file";
}

}  // namespace
}  // namespace forebay::master
