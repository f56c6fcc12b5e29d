#include "master/driver.h"

#include <cerrno>

#include "kv/store_contract.h"
#include "master/engine_fixture.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// MakeDir counts how often each name was made, and refuses "refused" and "busy"; Lookup reads the count; Open reads what was
// made.
class DriverTest : public EngineTest {
 protected:
  DriverTest() {
    start();
    session_ = open_session(7);
  }

  void bind() override {
    driver_->mutation<methods::MakeDir>([this](MutationContext& context, const v1::MakeDirRequest& request) {
      caller_ = context.caller;
      return make(context, request);
    });
    driver_->mutation<methods::Create>([this](MutationContext&, const v1::CreateRequest&) -> Result<v1::OpenReply> {
      ++runs_;
      return v1::OpenReply();
    });
    driver_->mutation<methods::Unlink>([this](MutationContext& context, const v1::UnlinkRequest&) -> Result<v1::UnlinkReply> {
      ++runs_;
      context.txn.put("tried", "1");
      TRY(names_->change(context.caller.session, kLeased));
      return v1::UnlinkReply();
    });
    driver_->query<methods::Lookup>([](QueryContext& context, const v1::LookupRequest& request) -> Result<v1::AttrReply> {
      ASSIGN_OR_RETURN(auto made, context.reader.get("made" + request.name()));
      if (!made) return rejected(ENOENT, "not made");
      v1::AttrReply reply;
      reply.mutable_attr()->set_inode(std::stoull(*made));
      return reply;
    });
    driver_->mutation_or_ordered<methods::Open>(
        [](const v1::OpenRequest& request) { return request.access() != v1::ACCESS_READ; },
        [](MutationContext& context, const v1::OpenRequest&) -> Result<v1::OpenReply> {
          context.txn.put("opened", "1");
          return v1::OpenReply();
        },
        [](QueryContext& context, const v1::OpenRequest&) -> Result<v1::OpenReply> {
          v1::OpenReply reply;
          ASSIGN_OR_RETURN(auto opened, context.reader.get("opened"));
          reply.set_created(opened.has_value());
          reply.set_handle(context.sequence);
          return reply;
        });
  }
  Result<v1::AttrReply> make(MutationContext& context, const v1::MakeDirRequest& request) {
    ++runs_;
    ASSIGN_OR_RETURN(auto before, context.txn.get("made" + request.name()));
    const uint64_t count = before ? std::stoull(*before) + 1 : 1;
    context.txn.put("made" + request.name(), std::to_string(count));
    if (request.name() == "refused") return rejected(EEXIST, "refused");
    if (request.name() == "busy") return busy("not now");
    v1::AttrReply reply;
    reply.mutable_attr()->set_inode(count);
    return reply;
  }
  static v1::MakeDirRequest named(const std::string& name) {
    v1::MakeDirRequest request;
    request.set_name(name);
    return request;
  }
  Result<v1::AttrReply> make_dir(const std::string& name, uint64_t sequence) {
    return call<methods::MakeDir>(call_of(session_, sequence), named(name));
  }
  uint64_t made(const std::string& name, uint64_t sequence) {
    auto reply = make_dir(name, sequence);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply ? reply->attr().inode() : 0;
  }
  void restart() {
    crash();
    start();
  }

  static constexpr InodeId kLeased{9};
  SessionId session_;
  Caller caller_;
  size_t runs_ = 0;
};

TEST_F(DriverTest, what_a_lease_of_another_session_is_about_is_changed_when_it_is_over) {
  const SessionId other = open_session(8);
  ASSERT_TRUE(names_->begin(session_, kLeased));
  ASSERT_TRUE(names_->lease(session_, kLeased));
  const os::Instant asked = clock().now();
  ASSERT_TRUE(call<methods::Unlink>(call_of(session_, 1), {}));
  EXPECT_LT(clock().now() - asked, kLongestNamesLease);  // the holder does not wait for itself
  runs_ = 0;
  ASSERT_TRUE(call<methods::Unlink>(call_of(other, 1), {}));
  EXPECT_EQ(runs_, 2u);
  EXPECT_GE(clock().now() - asked, kLongestNamesLease);
  EXPECT_FALSE(names_->lease(session_, kLeased));
}

TEST_F(DriverTest, who_has_no_time_to_wait_for_a_lease_leaves_nothing_and_may_try_again) {
  const SessionId other = open_session(8);
  ASSERT_TRUE(names_->begin(session_, kLeased));
  ASSERT_TRUE(names_->lease(session_, kLeased));
  rpc::Call hurried = call_of(other, 1);
  hurried.deadline = clock().now() + milliseconds(20);
  auto refused = call<methods::Unlink>(std::move(hurried), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBusy);
  EXPECT_FALSE(store_->get("tried").value());
  runs_ = 0;
  ASSERT_TRUE(call<methods::Unlink>(call_of(other, 1), {}));
  EXPECT_EQ(runs_, 2u);  // no outcome was kept of the first
}

TEST_F(DriverTest, a_mutation_runs_with_the_caller_of_its_context) {
  rpc::Call call = call_of(session_, 1);
  call.context.set_uid(10);
  call.context.set_gid(20);
  call.context.add_groups(30);
  ASSERT_TRUE(EngineTest::call<methods::MakeDir>(std::move(call), named("a")));
  EXPECT_EQ(caller_.uid, 10u);
  EXPECT_EQ(caller_.gid, 20u);
  EXPECT_TRUE(caller_.in_group(30));
  EXPECT_EQ(caller_.session, session_);
}

TEST_F(DriverTest, a_repeated_call_gets_the_stored_reply_and_does_not_run_again) {
  EXPECT_EQ(made("a", 1), 1u);
  EXPECT_EQ(made("a", 1), 1u);
  EXPECT_EQ(made("a", 2), 2u);
  EXPECT_EQ(runs_, 2u);
  EXPECT_EQ(events_.repeated, 1u);
}

TEST_F(DriverTest, a_call_repeated_while_the_first_is_in_the_queue_runs_once) {
  auto first = send<methods::MakeDir>(call_of(session_, 1), named("a"));
  auto second = send<methods::MakeDir>(call_of(session_, 1), named("a"));
  ASSERT_TRUE(world_.run_until([&] { return first->has_value() && second->has_value(); }, seconds(1)));
  EXPECT_EQ((*first)->value().attr().inode(), 1u);
  EXPECT_EQ((*second)->value().attr().inode(), 1u);
  EXPECT_EQ(runs_, 1u);
  EXPECT_EQ(events_.batches, 2u) << "the session's, and one for both";
}

TEST_F(DriverTest, a_repeated_call_gets_the_stored_outcome_after_a_restart) {
  EXPECT_EQ(made("a", 1), 1u);
  EXPECT_EQ(make_dir("refused", 2).error().error(), EEXIST);
  restart();
  EXPECT_EQ(made("a", 1), 1u);
  auto refused = make_dir("refused", 2);
  EXPECT_EQ(refused.error().code(), Code::kRejected);
  EXPECT_EQ(refused.error().error(), EEXIST);
  EXPECT_EQ(refused.error().message(), "refused");
  EXPECT_EQ(runs_, 2u);
  EXPECT_EQ(made("a", 3), 2u);
}

TEST_F(DriverTest, calls_that_overtook_each_other_are_recognised_after_a_restart) {
  EXPECT_EQ(made("a", 5), 1u);
  EXPECT_EQ(made("a", 3), 2u) << "lower than what was seen, but new";
  restart();
  EXPECT_EQ(made("a", 5), 1u);
  EXPECT_EQ(made("a", 3), 2u);
  EXPECT_EQ(made("a", 4), 3u);
  EXPECT_EQ(made("a", 6), 4u);
}

TEST_F(DriverTest, a_refused_mutation_leaves_nothing_and_is_refused_again) {
  EXPECT_EQ(make_dir("refused", 1).error().error(), EEXIST);
  EXPECT_EQ(make_dir("refused", 1).error().error(), EEXIST);
  EXPECT_EQ(runs_, 1u);
  EXPECT_EQ(kv::value_of(*store_, "maderefused"), std::nullopt);
}

TEST_F(DriverTest, an_error_that_asks_for_another_attempt_is_not_stored) {
  EXPECT_EQ(make_dir("busy", 1).error().code(), Code::kBusy);
  EXPECT_EQ(make_dir("busy", 1).error().code(), Code::kBusy);
  EXPECT_EQ(runs_, 2u);
  EXPECT_EQ(kv::value_of(*store_, "madebusy"), std::nullopt);
}

TEST_F(DriverTest, a_sequence_older_than_the_ring_is_stale) {
  EXPECT_EQ(made("a", 1), 1u);
  EXPECT_EQ(made("a", 1 + kOutcomeSlots), 2u);
  EXPECT_EQ(make_dir("a", 1).error().code(), Code::kStale);
  EXPECT_EQ(made("a", 2), 3u) << "still within the ring, and new";
  restart();
  EXPECT_EQ(make_dir("a", 1).error().code(), Code::kStale);
}

TEST_F(DriverTest, an_unknown_session_is_stale_and_none_is_invalid) {
  EXPECT_EQ(call<methods::MakeDir>(call_of(SessionId{99}, 1), named("a")).error().code(), Code::kStale);
  EXPECT_EQ(call<methods::MakeDir>(call_of({}, 1), named("a")).error().code(), Code::kInvalid);
  EXPECT_EQ(call<methods::MakeDir>(call_of(session_, 0), named("a")).error().code(), Code::kInvalid);
  EXPECT_EQ(runs_, 0u);
}

TEST_F(DriverTest, too_many_groups_are_invalid) {
  rpc::Call call = call_of(session_, 1);
  for (uint32_t i = 0; i < 1025; ++i) call.context.add_groups(i);
  EXPECT_EQ(EngineTest::call<methods::MakeDir>(std::move(call), named("a")).error().code(), Code::kInvalid);
}

TEST_F(DriverTest, a_malformed_request_is_invalid_and_names_the_method) {
  Result<rpc::Router::Reply> answer = rejected(0, "");
  auto run = [](const rpc::Router* router, rpc::Call call, Result<rpc::Router::Reply>* answer) -> Task<bool> {
    *answer = co_await router->find(methods::MakeDir::kMethod.number)->invoke(std::move(call), "\xff\xff");
    co_return true;
  };
  ASSERT_TRUE(world_.complete(run(router_.get(), call_of(session_, 1), &answer), seconds(1)));
  EXPECT_EQ(answer.error().code(), Code::kInvalid);
  EXPECT_NE(answer.error().message().find("make_dir"), std::string::npos);
}

TEST_F(DriverTest, a_query_sees_what_is_appended_and_needs_no_session) {
  v1::LookupRequest request;
  request.set_name("a");
  EXPECT_EQ(call<methods::Lookup>(call_of({}, 0), request).error().error(), ENOENT);
  made("a", 1);
  EXPECT_EQ(call<methods::Lookup>(call_of({}, 0), request)->attr().inode(), 1u);
}

TEST_F(DriverTest, an_ordered_read_sees_the_changes_queued_before_it_and_changes_nothing) {
  v1::OpenRequest write, read;
  write.set_access(v1::ACCESS_WRITE);
  read.set_access(v1::ACCESS_READ);
  const size_t before = events_.batches;
  auto opened = send<methods::Open>(call_of(session_, 1), write);
  auto seen = send<methods::Open>(call_of(session_, 2), read);
  ASSERT_TRUE(world_.run_until([&] { return opened->has_value() && seen->has_value(); }, seconds(1)));
  EXPECT_TRUE((*seen)->value().created());
  EXPECT_EQ((*seen)->value().handle(), 2u);
  EXPECT_EQ(events_.batches, before + 1);
  ASSERT_TRUE(call<methods::Open>(call_of(session_, 3), read));
  EXPECT_EQ(events_.batches, before + 1);
}

TEST_F(DriverTest, the_requests_durability_decides_what_survives_a_power_cut) {
  v1::CreateRequest request;
  request.set_durability(v1::DURABILITY_FSYNC);
  const size_t before = events_.syncs;
  ASSERT_TRUE(call<methods::Create>(call_of(session_, 1), request));
  EXPECT_EQ(events_.syncs, before + 1);
  request.set_durability(v1::DURABILITY_PAGE_CACHE);
  ASSERT_TRUE(call<methods::Create>(call_of(session_, 2), request));
  EXPECT_EQ(events_.syncs, before + 1);
}

TEST_F(DriverTest, a_repeated_call_at_fsync_is_answered_only_when_the_first_is_synced) {
  v1::CreateRequest request;
  request.set_durability(v1::DURABILITY_PAGE_CACHE);
  ASSERT_TRUE(call<methods::Create>(call_of(session_, 1), request));
  request.set_durability(v1::DURABILITY_FSYNC);
  ASSERT_TRUE(call<methods::Create>(call_of(session_, 1), request));
  EXPECT_GE(events_.syncs, 1u);
  EXPECT_EQ(runs_, 1u);
}

TEST_F(DriverTest, after_an_unknown_journal_outcome_changes_are_broken_and_queries_go_on) {
  made("a", 1);
  disk_->fail_write_after(0);
  EXPECT_EQ(make_dir("b", 2).error().code(), Code::kUnknown);
  EXPECT_EQ(make_dir("b", 3).error().code(), Code::kBroken);
  EXPECT_EQ(make_dir("a", 1).error().code(), Code::kBroken) << "even of what is known: the order would be lost";
  EXPECT_EQ(events_.broken, 1u);
  v1::LookupRequest request;
  request.set_name("a");
  EXPECT_EQ(call<methods::Lookup>(call_of({}, 0), request)->attr().inode(), 1u);
}

TEST_F(DriverTest, a_call_refused_for_a_full_disk_may_be_repeated_and_then_runs) {
  disk_->set_full(true);
  EXPECT_EQ(make_dir("a", 1).error().error(), ENOSPC);
  disk_->set_full(false);
  EXPECT_EQ(made("a", 1), 1u);
  EXPECT_EQ(made("a", 1), 1u);
}

// The master dies at every moment of a run of calls; each that was not answered is repeated at the next one. Whatever the moment,
// every call has taken effect once.
TEST_F(DriverTest, whatever_moment_it_dies_at_each_call_takes_effect_once) {
  for (size_t moment = 0; moment < 40; ++moment) {
    const std::string name = "m" + std::to_string(moment);
    const uint64_t first = 1 + moment * 8;
    std::vector<std::shared_ptr<std::optional<Result<v1::AttrReply>>>> slots;
    for (uint64_t i = 0; i < 6; ++i) slots.push_back(send<methods::MakeDir>(call_of(session_, first + i), named(name)));
    size_t turns = 0;
    world_.run_until([&] { return turns++ == moment; }, milliseconds(100));
    restart();
    std::vector<uint64_t> counts;
    for (uint64_t i = 0; i < 6; ++i) {
      const bool answered = slots[i]->has_value() && (*slots[i])->has_value();
      const uint64_t count = made(name, first + i);
      if (answered) EXPECT_EQ((*slots[i])->value().attr().inode(), count) << moment;
      counts.push_back(count);
    }
    std::ranges::sort(counts);
    EXPECT_EQ(counts, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6})) << moment;
  }
}

}  // namespace
}  // namespace forebay::master
