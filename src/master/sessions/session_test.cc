#include <cerrno>

#include "kv/store_contract.h"
#include "master/engine_fixture.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SessionTest : public EngineTest {
 protected:
  SessionTest() {
    table_config_.max_open_reads = 3;
    table_config_.max_sessions = 3;
    start();
  }
  void bind() override {
    driver_->mutation<methods::MakeDir>(
        [](MutationContext&, const v1::MakeDirRequest&) -> Result<v1::AttrReply> { return v1::AttrReply(); });
  }
  Result<v1::RenewSessionReply> renew(SessionId session, uint64_t epoch, std::vector<uint64_t> reads = {}) {
    v1::RenewSessionRequest request;
    request.set_session(session.value);
    request.set_known_epoch(epoch);
    for (uint64_t inode : reads) request.add_open_reads(inode);
    return call<methods::RenewSession>(call_of({}, 0), request);
  }
  Result<v1::Empty> close(SessionId session) {
    v1::CloseSessionRequest request;
    request.set_session(session.value);
    return call<methods::CloseSession>(call_of({}, 0), request);
  }
  void journal_handles(SessionId session, uint64_t count) {
    kv::WriteBatch batch;
    for (uint64_t i = 1; i <= count; ++i) {
      std::string inode;
      append_big_endian(inode, 1000 + i);
      batch.put(key::session_handle(session, HandleId{i}), inode);
      batch.put(key::handle(InodeId{1000 + i}, HandleId{i}), "");
    }
    ASSERT_TRUE(store_->write(batch));
  }
  size_t handles() { return kv::all_in(*store_, "H", "I").size() + kv::all_in(*store_, "h", "i").size(); }
  size_t records() { return kv::all_in(*store_, "R", "T").size(); }  // of sessions, and of outcomes
  Code call_code(SessionId session) {
    auto reply = call<methods::MakeDir>(call_of(session, 1), {});
    return reply ? Code() : reply.error().code();
  }
};

TEST_F(SessionTest, the_same_nonce_gets_the_same_session_also_after_a_restart) {
  const SessionId first = open_session(7);
  EXPECT_EQ(open_session(7), first);
  EXPECT_NE(open_session(8), first);
  crash();
  start();
  EXPECT_EQ(open_session(7), first);
  EXPECT_EQ(records(), 2u);
}

TEST_F(SessionTest, opening_says_lease_cluster_and_epoch) {
  v1::OpenSessionRequest request;
  request.set_nonce(1);
  auto reply = call<methods::OpenSession>(call_of({}, 0), request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->lease_ms(), 10'000u);
  EXPECT_EQ(reply->cluster(), "cluster");
  EXPECT_EQ(reply->master_epoch(), 1u);
}

TEST_F(SessionTest, opening_needs_a_nonce_and_a_short_name) {
  v1::OpenSessionRequest request;
  EXPECT_EQ(call<methods::OpenSession>(call_of({}, 0), request).error().code(), Code::kInvalid);
  request.set_nonce(1);
  request.set_client(std::string(257, 'x'));
  EXPECT_EQ(call<methods::OpenSession>(call_of({}, 0), request).error().code(), Code::kInvalid);
}

TEST_F(SessionTest, more_sessions_than_the_limit_are_busy) {
  for (uint64_t nonce = 1; nonce <= 3; ++nonce) open_session(nonce);
  v1::OpenSessionRequest request;
  request.set_nonce(4);
  EXPECT_EQ(call<methods::OpenSession>(call_of({}, 0), request).error().code(), Code::kBusy);
  EXPECT_EQ(open_session(2).value != 0, true);
}

TEST_F(SessionTest, a_session_that_could_not_be_journaled_does_not_exist) {
  disk_->set_full(true);
  v1::OpenSessionRequest request;
  request.set_nonce(1);
  EXPECT_EQ(call<methods::OpenSession>(call_of({}, 0), request).error().error(), ENOSPC);
  EXPECT_EQ(table_->size(), 0u);
  disk_->set_full(false);
  open_session(1);
  EXPECT_EQ(records(), 1u);
}

TEST_F(SessionTest, a_renewed_session_lives_and_one_that_is_not_expires_with_its_handles_and_outcomes) {
  const SessionId kept = open_session(1), lost = open_session(2);
  journal_handles(lost, 100);
  ASSERT_EQ(call_code(lost), Code());
  for (int i = 0; i < 10; ++i) {
    world_.run_for(seconds(2));
    ASSERT_TRUE(renew(kept, 1));
  }
  EXPECT_EQ(handles(), 0u);
  EXPECT_EQ(records(), 1u);
  EXPECT_EQ(events_.expired, 1u);
  EXPECT_EQ(call_code(lost), Code::kStale);
  EXPECT_EQ(renew(lost, 1).error().code(), Code::kStale);
  EXPECT_EQ(call_code(kept), Code());
}

TEST_F(SessionTest, after_a_restart_every_session_has_a_full_lease) {
  const SessionId session = open_session(1);
  world_.run_for(seconds(9));
  crash();
  start();
  world_.run_for(seconds(9));
  EXPECT_TRUE(renew(session, 1));
  world_.run_for(seconds(12));
  EXPECT_EQ(renew(session, 1).error().code(), Code::kStale);
}

TEST_F(SessionTest, closing_ends_it_and_may_be_repeated) {
  const SessionId session = open_session(1);
  journal_handles(session, 3);
  ASSERT_TRUE(close(session));
  EXPECT_EQ(handles(), 0u);
  EXPECT_EQ(records(), 0u);
  EXPECT_TRUE(close(session));
  EXPECT_TRUE(close(SessionId{99}));
  EXPECT_EQ(call_code(session), Code::kStale);
  EXPECT_NE(open_session(1), session);
}

TEST_F(SessionTest, an_end_that_fails_is_taken_up_again) {
  const SessionId session = open_session(1);
  journal_handles(session, 3);
  disk_->set_full(true);
  EXPECT_EQ(close(session).error().error(), ENOSPC);
  EXPECT_EQ(call_code(session), Code::kStale) << "it does not come back to life";
  disk_->set_full(false);
  world_.run_for(seconds(3));
  EXPECT_EQ(handles(), 0u);
  EXPECT_EQ(records(), 0u);
}

TEST_F(SessionTest, whatever_moment_it_dies_at_a_session_ends_completely) {
  for (size_t moment = 0; moment < 25; ++moment) {
    const SessionId session = open_session(100 + moment);
    journal_handles(session, 100);
    v1::CloseSessionRequest request;
    request.set_session(session.value);
    send<methods::CloseSession>(call_of({}, 0), request);
    size_t turns = 0;
    world_.run_until([&] { return turns++ == moment; }, milliseconds(100));
    crash();
    start();
    world_.run_for(seconds(15));
    EXPECT_EQ(handles(), 0u) << moment;
    EXPECT_EQ(records(), 0u) << moment;
  }
}

TEST_F(SessionTest, an_inode_is_open_until_its_last_read_is_closed_or_its_session_ends) {
  const SessionId a = open_session(1), b = open_session(2);
  const InodeId inode{5};
  ASSERT_TRUE(table_->open_read(a, read_handle(1), inode));
  ASSERT_TRUE(table_->open_read(a, read_handle(1), inode)) << "a repeated call opens once";
  ASSERT_TRUE(table_->open_read(b, read_handle(1), inode));
  EXPECT_TRUE(table_->is_open(inode));
  v1::CloseReadRequest request;
  request.add_handles(read_handle(1).value);
  request.add_handles(12345);
  ASSERT_TRUE(call<methods::CloseRead>(call_of(a, 2), request));
  ASSERT_TRUE(call<methods::CloseRead>(call_of(a, 2), request));
  EXPECT_TRUE(table_->is_open(inode));
  ASSERT_TRUE(close(b));
  EXPECT_FALSE(table_->is_open(inode));
}

TEST_F(SessionTest, open_reads_are_bounded_and_need_a_live_session) {
  const SessionId session = open_session(1);
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(table_->open_read(session, read_handle(i), InodeId{i}));
  EXPECT_EQ(table_->open_read(session, read_handle(4), InodeId{4}).error().error(), EMFILE);
  EXPECT_EQ(table_->open_read(SessionId{99}, read_handle(1), InodeId{4}).error().code(), Code::kStale);
}

TEST_F(SessionTest, after_a_restart_everything_counts_as_open_until_all_sessions_have_told) {
  const SessionId a = open_session(1), b = open_session(2);
  crash();
  start();
  EXPECT_TRUE(table_->is_open(InodeId{5}));
  auto reply = renew(a, 1);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->master_epoch(), 2u);
  EXPECT_TRUE(table_->is_open(InodeId{5})) << "renewing with the old epoch tells nothing";
  ASSERT_TRUE(renew(a, 2, {7, 8}));
  EXPECT_TRUE(table_->is_open(InodeId{5}));
  ASSERT_TRUE(renew(b, 2));
  EXPECT_FALSE(table_->is_open(InodeId{5}));
  EXPECT_TRUE(table_->is_open(InodeId{7}));
  ASSERT_TRUE(renew(a, 2, {7, 8}));
  EXPECT_TRUE(table_->is_open(InodeId{7})) << "told again";
  ASSERT_TRUE(close(a));
  EXPECT_FALSE(table_->is_open(InodeId{7}));
}

TEST_F(SessionTest, what_was_open_over_a_restart_is_open_until_it_is_told_no_more) {
  const SessionId session = open_session(1);
  crash();
  start();
  ASSERT_TRUE(renew(session, 2, {7, 8}));
  ASSERT_TRUE(table_->open_read(session, read_handle(1), InodeId{9}));
  ASSERT_TRUE(renew(session, 1)) << "by a client that has not seen this master yet";
  EXPECT_TRUE(table_->is_open(InodeId{7}));
  ASSERT_TRUE(renew(session, 2, {8}));
  EXPECT_FALSE(table_->is_open(InodeId{7}));
  EXPECT_TRUE(table_->is_open(InodeId{8}));
  ASSERT_TRUE(renew(session, 2));
  EXPECT_FALSE(table_->is_open(InodeId{8}));
  EXPECT_TRUE(table_->is_open(InodeId{9})) << "opened here: its handle says how long";
}

TEST_F(SessionTest, a_session_that_is_never_heard_of_again_keeps_inodes_open_for_one_lease) {
  open_session(1);
  crash();
  start();
  world_.run_for(seconds(8));
  EXPECT_TRUE(table_->is_open(InodeId{5}));
  world_.run_for(seconds(4));
  EXPECT_FALSE(table_->is_open(InodeId{5}));
}

TEST_F(SessionTest, a_damaged_session_record_stops_the_start) {
  kv::WriteBatch batch;
  batch.put(key::session(SessionId{1}), "\xff\xff");
  ASSERT_TRUE(store_->write(batch));
  EXPECT_EQ(sessions_->load().error().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace forebay::master
