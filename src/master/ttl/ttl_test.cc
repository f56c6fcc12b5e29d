#include "master/ttl/ttl.h"

#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class TtlTest : public PersistWorld {
 protected:
  Result<v1::AttrReply> set_ttl(const std::string& path, int64_t ms, v1::TtlAction action = v1::TTL_ACTION_DELETE) {
    auto [parent, name] = split(path);
    v1::SetTtlRequest request;
    request.set_parent(parent.value);
    request.set_name(name);
    request.set_ttl_ms(ms);
    request.set_action(action);
    return run(ops::set_ttl, request);
  }
  // Everything that is due, as the background does it; how many.
  size_t expire_due() {
    auto due = due_ttls(*store_, now_ns(), 100);
    EXPECT_TRUE(due);
    for (const DueTtl& each : *due) EXPECT_TRUE(change([&](MutationContext& context) { return expire(context, each); }));
    reclaim();
    return due->size();
  }
};

TEST_F(TtlTest, an_entry_goes_when_its_time_is_over_and_not_before) {
  mkdir("/d");
  write_file("/d/a", 10);
  write_file("/b", 10);
  ASSERT_TRUE(set_ttl("/d", 5'000));
  ASSERT_TRUE(set_ttl("/b", 3'000));
  EXPECT_EQ(expire_due(), 0U);
  now += std::chrono::seconds(4);
  EXPECT_EQ(expire_due(), 1U);
  EXPECT_EQ(names("/"), (Texts{"d"}));
  now += std::chrono::seconds(4);
  EXPECT_EQ(expire_due(), 1U);
  EXPECT_TRUE(names("/").empty()) << "a directory goes with all that is below";
}

TEST_F(TtlTest, it_moves_with_the_entry_and_ends_with_it) {
  write_file("/a", 10);
  write_file("/b", 10);
  ASSERT_TRUE(set_ttl("/a", 1'000));
  ASSERT_TRUE(set_ttl("/b", 1'000));
  ASSERT_TRUE(rename("/a", "/c"));
  ASSERT_TRUE(unlink("/b"));
  write_file("/a", 10);
  write_file("/b", 10);
  now += std::chrono::seconds(2);
  expire_due();
  EXPECT_EQ(names("/"), (Texts{"a", "b"}));
  EXPECT_EQ(count("t"), 0U);
}

TEST_F(TtlTest, it_is_changed_and_taken_back) {
  write_file("/a", 10);
  ASSERT_TRUE(set_ttl("/a", 1'000));
  ASSERT_TRUE(set_ttl("/a", 60'000));
  now += std::chrono::seconds(2);
  EXPECT_EQ(expire_due(), 0U);
  ASSERT_TRUE(set_ttl("/a", 0));
  now += std::chrono::hours(1);
  EXPECT_EQ(expire_due(), 0U);
  EXPECT_TRUE(stat("/a"));
}

TEST_F(TtlTest, it_frees_what_is_clean_and_waits_for_what_is_not) {
  start_mapped();
  write_file("/c/a", 10);
  ASSERT_TRUE(set_ttl("/c/a", 1'000, v1::TTL_ACTION_FREE));
  now += std::chrono::seconds(2);
  EXPECT_EQ(expire_due(), 1U);
  EXPECT_FALSE(stat("/c/a")->absent()) << "not persisted yet";
  run_all();
  now += std::chrono::minutes(2);
  EXPECT_EQ(expire_due(), 1U);
  EXPECT_TRUE(stat("/c/a")->absent());
  EXPECT_EQ(count("t"), 0U);
}

TEST_F(TtlTest, who_may_not_remove_or_write_may_not_set_it) {
  mkdir("/d");
  write_file("/d/a", 10);
  as = user(1000, 1000);
  EXPECT_FALSE(set_ttl("/d/a", 1'000));
  EXPECT_FALSE(set_ttl("/d/a", 1'000, v1::TTL_ACTION_FREE));
  as = root();
  EXPECT_FALSE(set_ttl("/d", 1'000, v1::TTL_ACTION_FREE)) << "a directory";
}

}  // namespace
}  // namespace forebay::master
