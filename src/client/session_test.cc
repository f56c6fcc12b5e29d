// Calls to masters: repeats, leaders, sessions.
#include "client/session.h"

#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

TEST(SequenceWindow, a_number_waits_for_the_one_a_window_before_it) {
  os::SimWorld world{{}};
  SequenceWindow window(3);
  std::vector<uint64_t> begun;
  struct Take {
    static Task<void> one(SequenceWindow* window, std::vector<uint64_t>* begun) {
      const uint64_t sequence = co_await window->begin();
      begun->push_back(sequence);
    }
  };
  for (int i = 0; i < 5; ++i) async::spawn_detached(world.executor(), Take::one(&window, &begun));
  world.run_for(seconds(1));
  EXPECT_EQ(begun, (std::vector<uint64_t>{1, 2, 3}));
  window.end(2);
  world.run_for(seconds(1));
  EXPECT_EQ(begun.size(), 3u);  // 4 would overwrite the outcome of 1
  window.end(1);
  world.run_for(seconds(1));
  EXPECT_EQ(begun, (std::vector<uint64_t>{1, 2, 3, 4, 5}));
}

class SessionTest : public ClientTest {
 protected:
  Result<v1::Attr> make_dir(const std::string& name) { return run(client->make_dir({}, kRootInode, name, 0755)); }
};

TEST_F(SessionTest, a_mutation_whose_reply_is_lost_is_executed_once_and_its_outcome_returned) {
  start();
  master().lose_reply("make_dir");
  auto made = make_dir("d");
  ASSERT_OK(made);
  EXPECT_EQ(made->inode(), master().names["d"]);
  EXPECT_EQ(master().calls("make_dir"), 2);
  EXPECT_EQ(master().executed("make_dir"), 1);
}

TEST_F(SessionTest, an_answer_is_not_asked_for_twice) {
  start();
  ASSERT_OK(make_dir("d"));
  auto again = make_dir("d");
  ASSERT_FALSE(again);
  EXPECT_EQ(to_errno(again.error()), EEXIST);
  EXPECT_EQ(master().calls("make_dir"), 2);
}

TEST_F(SessionTest, a_master_that_restarts_is_waited_for) {
  start();
  int refused = 0;
  master().always("make_dir", [&]() -> std::optional<Status> {
    return ++refused <= 5 ? std::optional(busy("starting").error()) : std::nullopt;
  });
  EXPECT_OK(make_dir("d"));
}

TEST_F(SessionTest, a_call_ends_when_no_master_answers_for_the_time_given) {
  config.retry_for = seconds(20);
  start();
  master().process().crash();
  const os::Instant begun = client_process->env().clock.now();
  auto made = make_dir("d");
  ASSERT_FALSE(made);
  EXPECT_EQ(to_errno(made.error()), EIO);
  const Duration took = client_process->env().clock.now() - begun;
  EXPECT_GE(took, seconds(20));
  EXPECT_LT(took, seconds(30));
}

TEST_F(SessionTest, a_client_without_a_master_does_not_start) {
  config.retry_for = seconds(5);
  master().process().crash();
  client_process = world.start_process("c", "client");
  auto started = run(Client::start(client_process->env(), obs::null_log(), config, {world.executor()}));
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().is(Code::kElsewhere) || started.error().is(Code::kUnknown)) << started.error().to_string();
}

TEST_F(SessionTest, the_leader_that_another_master_names_is_asked) {
  FakeMaster& second = add_master("m2");
  second.workers = master().workers;
  config.masters.pop_back();  // it is learned from the hint
  master().always("open_session", [] { return std::optional(not_the_leader("m2:1000").error()); });
  start();
  EXPECT_OK(make_dir("d"));
  EXPECT_EQ(master().calls("make_dir"), 0);
  EXPECT_EQ(second.executed("make_dir"), 1);
}

TEST_F(SessionTest, the_masters_are_tried_in_turn_when_the_leader_dies) {
  FakeMaster& second = add_master("m2");
  second.workers = master().workers;
  start();
  second.sessions = master().sessions;  // as the journal would have it
  master().process().crash();
  EXPECT_OK(make_dir("d"));
  EXPECT_EQ(second.executed("make_dir"), 1);
}

TEST_F(SessionTest, a_socket_that_calls_have_left_is_used_again_when_its_master_answers) {
  FakeMaster& near = add_master("c");
  near.workers = master().workers;
  near.lease_ms = master().lease_ms = 6'000;
  ASSERT_OK(near.listen(*os::Address::parse("unix:/master")));
  config.masters = {*os::Address::parse("unix:/master"), config.masters.front()};
  start();
  master().sessions = near.sessions;  // in truth they are one
  near.refuse("make_dir", elsewhere("it is being restarted", ECONNREFUSED).error());
  ASSERT_OK(make_dir("d"));
  EXPECT_EQ(master().executed("make_dir"), 1);
  world.run_for(seconds(10));
  ASSERT_OK(make_dir("e"));
  EXPECT_EQ(near.executed("make_dir"), 1);
}

TEST_F(SessionTest, the_lease_is_renewed_at_a_third) {
  master().lease_ms = 9'000;
  start();
  world.run_for(seconds(31));
  EXPECT_GE(master().calls("renew_session"), 9);
  EXPECT_LE(master().calls("renew_session"), 11);
}

TEST_F(SessionTest, a_master_that_restarted_is_told_what_is_open_for_reading) {
  start();
  auto file = create("a");
  const InodeId inode = file->inode();
  ASSERT_OK(run(file->close()));
  auto reader = open(inode);
  world.run_for(seconds(25));
  EXPECT_TRUE(master().told_reads.empty());
  master().epoch = 2;
  world.run_for(seconds(25));
  EXPECT_EQ(master().told_reads, std::vector<uint64_t>{inode.value});
  world.run_for(seconds(25));
  EXPECT_EQ(master().told_reads, std::vector<uint64_t>{inode.value}) << "for as long as it is open";
  auto another = open(inode);
  ASSERT_OK(run(reader->close()));
  world.run_for(seconds(25));
  EXPECT_EQ(master().read_handles_closed.size(), 1u);
  EXPECT_EQ(master().told_reads, std::vector<uint64_t>{inode.value}) << "which of the two is open does not matter";
  ASSERT_OK(run(another->close()));
  auto later = open(inode);
  world.run_for(seconds(25));
  EXPECT_TRUE(master().told_reads.empty()) << "this master was told of the later one when it was opened";
}

TEST_F(SessionTest, after_an_expiry_later_calls_go_on_under_a_new_session) {
  start();
  master().expire_sessions();
  EXPECT_OK(make_dir("d"));
  EXPECT_EQ(master().calls("open_session"), 2);
}

TEST_F(SessionTest, what_may_have_been_executed_is_not_executed_again_under_a_new_session) {
  start();
  master().lose_reply("make_dir");
  int calls = 0;
  master().always("make_dir", [&]() -> std::optional<Status> {
    if (++calls == 2) master().expire_sessions();
    return std::nullopt;
  });
  auto made = make_dir("d");
  ASSERT_FALSE(made);
  EXPECT_EQ(to_errno(made.error()), EIO);
  EXPECT_EQ(master().executed("make_dir"), 1);
}

TEST_F(SessionTest, an_expired_handle_is_broken_and_says_so) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "kept"));
  ASSERT_OK(run(file->fsync(v1::DURABILITY_UNSPECIFIED)));
  ASSERT_OK(write(*file, 4, "lost"));
  master().expire_sessions();
  auto synced = run(file->fsync(v1::DURABILITY_UNSPECIFIED));
  ASSERT_FALSE(synced);
  EXPECT_EQ(to_errno(synced.error()), EIO);
  EXPECT_NE(synced.error().message().find("expired"), std::string::npos) << synced.error().to_string();
  EXPECT_FALSE(write(*file, 8, "x"));
  EXPECT_FALSE(run(file->close()));
  auto again = open(file->inode());
  EXPECT_EQ(must_read(*again, 0, 100), "kept");
}

TEST_F(SessionTest, an_expired_handle_without_uncommitted_bytes_closes_well) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "kept"));
  ASSERT_OK(run(file->flush()));
  master().expire_sessions();
  ASSERT_OK(make_dir("d"));
  EXPECT_OK(run(file->close()));
}

TEST_F(SessionTest, stopping_without_a_master_takes_as_long_for_many_files_as_for_one) {
  config.retry_for = seconds(20);
  start();
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 300; ++i) {
    files.push_back(create("f" + std::to_string(i)));
    ASSERT_OK(write(*files.back(), 0, "bytes that are not committed"));
  }
  master().process().crash();
  const os::Instant begun = client_process->env().clock.now();
  stop();
  EXPECT_LT(client_process->env().clock.now() - begun, seconds(45));
}

TEST_F(SessionTest, stopping_takes_as_long_as_it_takes_while_the_master_answers) {
  config.retry_for = seconds(2);
  start();
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 300; ++i) {
    files.push_back(create("f" + std::to_string(i)));
    ASSERT_OK(write(*files.back(), 0, "text"));
    master().delay("commit", seconds(1));
  }
  stop();
  for (const auto& file : files) EXPECT_EQ(committed(file->inode()), "text");
}

TEST_F(SessionTest, a_file_that_outlives_its_client_refuses) {
  start();
  auto file = create("a");
  auto reader = open(file->inode());
  ASSERT_OK(write(*file, 0, "text"));
  stop();
  EXPECT_EQ(to_errno(write(*file, 4, std::string(2 * kMiB, 'x')).error()), EIO);
  EXPECT_FALSE(read(*reader, 0, 4));
  EXPECT_FALSE(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_FALSE(run(file->attr()));
  EXPECT_EQ(committed(file->inode()), "text");
}

TEST_F(SessionTest, nothing_begins_another_session_while_the_client_stops) {
  start();
  auto file = create("a");
  auto reader = open(file->inode());
  const int sessions = master().calls("open_session");
  master().delay("close_read", seconds(1));  // told when the session is over
  ASSERT_OK(run(reader->close()));
  stop();
  EXPECT_EQ(master().calls("open_session"), sessions);
  EXPECT_TRUE(master().sessions.empty());
}

TEST_F(SessionTest, stopping_closes_what_is_open) {
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, "text"));
  stop();
  EXPECT_EQ(committed(file->inode()), "text");
  EXPECT_TRUE(master().handles.empty());
  EXPECT_TRUE(master().sessions.empty());
  EXPECT_FALSE(write(*file, 0, "x"));
}

TEST_F(SessionTest, a_file_that_is_only_destroyed_is_closed_in_the_background) {
  start();
  auto file = create("a");
  const InodeId inode = file->inode();
  ASSERT_OK(write(*file, 0, "text"));
  file.reset();
  world.run_for(seconds(1));
  EXPECT_EQ(committed(inode), "text");
  EXPECT_TRUE(master().handles.empty());
}

}  // namespace
}  // namespace forebay::client
