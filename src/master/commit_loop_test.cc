#include "master/commit_loop.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <map>
#include <stdexcept>
#include <thread>

#include "async/loop.h"
#include "journal/local_journal.h"
#include "kv/memory_store.h"
#include "kv/store_contract.h"
#include "os/simulation.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A journal that can be held up and made to fail, over the store's own.
class TestJournal : public journal::Journal {
 public:
  TestJournal(kv::Store& store, async::Executor blocking) : local_(store, std::move(blocking)) {}
  Task<Result<void>> append(const kv::WriteBatch* batch) override {
    if (append_fails) co_return std::unexpected(*append_fails);
    ++appends;
    if (hold_appends) co_await hold_appends->wait();
    co_return co_await local_.append(batch);
  }
  Task<Result<void>> sync() override {
    ++syncs;
    if (hold_syncs) co_await hold_syncs->wait();
    co_return co_await local_.sync();
  }
  std::optional<Status> append_fails;
  async::Event *hold_appends = nullptr, *hold_syncs = nullptr;
  size_t appends = 0, syncs = 0;

 private:
  journal::LocalJournal local_;
};

class CommitLoopTest : public testing::Test {
 protected:
  CommitLoopTest() { start({}); }
  ~CommitLoopTest() override { stop(); }

  void start(CommitLoopConfig config) {
    stop();
    store_ = std::move(*disk_->open());
    journal_ = std::make_unique<TestJournal>(*store_, world_.executor());
    loop_ = std::make_unique<CommitLoop>(
        env().clock, obs::null_log(), no_events(), *store_, *journal_,
        [this](const kv::WriteBatch& batch) {
          for (const kv::WriteBatch::Change& change : batch.changes())
            EXPECT_EQ(kv::value_of(*store_, change.key), change.value) << "told before it is visible";
          batches_.push_back(batch);
        },
        config, world_.executor());
    loop_->start();
  }
  void stop() {
    if (loop_) world_.complete(stopped(loop_.get()), seconds(10));
    loop_.reset();
    journal_.reset();
    store_.reset();
  }
  static Task<bool> stopped(CommitLoop* loop) {
    co_await loop->stop();
    co_return true;
  }
  os::Env& env() { return process_->env(); }

  // Starts a step that puts key = value; its answer arrives in answers_[key] when the world runs.
  void put(const std::string& key, const std::string& value, Level level = Level::kAppended, Duration patience = seconds(5),
           bool may_commit = false) {
    async::spawn_detached(world_.executor(), run_put(this, key, value, level, env().clock.now() + patience, may_commit));
  }
  void put_alone(const std::string& key, Level level = Level::kAppended) { put(key, "1", level, seconds(5), true); }
  static Task<void> run_put(CommitLoopTest* test, std::string key, std::string value, Level level, os::Instant deadline,
                            bool may_commit) {
    auto step = [&](kv::Txn& txn) -> Result<int> {
      txn.put(key, value);
      return 1;
    };
    Result<int> done = co_await test->loop_->run(step, level, deadline, may_commit);
    test->answers_[key] = done ? Result<void>() : std::unexpected(done.error());
    test->order_.push_back(key);
  }
  void pass(Duration time) { world_.complete(env().clock.sleep(time, {}), time + seconds(1)); }
  bool answered(const std::string& key, Duration within = seconds(1)) {
    return world_.run_until([&] { return answers_.contains(key); }, within);
  }
  Code code_of(const std::string& key) {
    EXPECT_TRUE(answered(key)) << key;
    EXPECT_FALSE(answers_.at(key).has_value()) << key;
    return answers_.at(key).error().code();
  }

  os::SimWorld world_{os::WorldConfig{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "master");
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<TestJournal> journal_;
  std::unique_ptr<CommitLoop> loop_;
  std::vector<kv::WriteBatch> batches_;
  std::map<std::string, Result<void>> answers_;
  std::vector<std::string> order_;
};

TEST_F(CommitLoopTest, everything_queued_goes_into_one_batch_and_is_answered_in_order) {
  for (const char* key : {"c", "a", "b"}) put(key, "1");
  ASSERT_TRUE(answered("b"));
  EXPECT_EQ(journal_->appends, 1u);
  EXPECT_EQ(order_, (std::vector<std::string>{"c", "a", "b"}));
  EXPECT_EQ(kv::all_in(*store_, "a", "z"), (kv::Pairs{{"a", "1"}, {"b", "1"}, {"c", "1"}}));
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_EQ(batches_[0].changes().size(), 3u);
}

TEST_F(CommitLoopTest, a_step_sees_the_earlier_steps_of_its_batch_and_a_refused_one_leaves_nothing) {
  auto add = [](kv::Txn& txn) -> Result<std::string> {
    auto before = txn.get("n");
    std::string value = before->value_or("") + "x";
    txn.put("n", value);
    if (value.size() == 2) return rejected(EEXIST, "the second is refused");
    return value;
  };
  const os::Instant deadline = env().clock.now() + seconds(1);
  std::vector<Result<std::string>> results;
  auto keep = [](CommitLoop* loop, decltype(add) step, os::Instant deadline,
                 std::vector<Result<std::string>>* results) -> Task<void> {
    results->push_back(co_await loop->run(step, Level::kAppended, deadline));
  };
  for (int i = 0; i < 3; ++i) async::spawn_detached(world_.executor(), keep(loop_.get(), add, deadline, &results));
  ASSERT_TRUE(world_.run_until([&] { return results.size() == 3; }, seconds(1)));
  EXPECT_EQ(results[0], "x");
  EXPECT_EQ(results[1].error().error(), EEXIST);
  EXPECT_EQ(results[2].error().error(), EEXIST);
  EXPECT_EQ(kv::value_of(*store_, "n"), "x");
  EXPECT_EQ(journal_->appends, 1u);
}

TEST_F(CommitLoopTest, batches_are_bounded_by_steps_and_by_bytes) {
  start({.max_batch_steps = 2, .max_batch_bytes = 100});
  for (int i = 0; i < 5; ++i) put("a" + std::to_string(i), "1");
  ASSERT_TRUE(answered("a4"));
  EXPECT_EQ(batches_.size(), 3u);
  batches_.clear();
  for (int i = 0; i < 2; ++i) put("b" + std::to_string(i), std::string(100, 'x'));
  ASSERT_TRUE(answered("b1"));
  EXPECT_EQ(batches_.size(), 2u);
}

TEST_F(CommitLoopTest, what_is_answered_at_appended_survives_the_process_and_is_synced_soon) {
  put("a", "1");
  ASSERT_TRUE(answered("a"));
  EXPECT_EQ(disk_->syncs(), 0u);
  world_.run_for(milliseconds(50));
  EXPECT_EQ(disk_->syncs(), 1u);
  world_.run_for(seconds(1));
  EXPECT_EQ(disk_->syncs(), 1u) << "nothing new, nothing to sync";
}

TEST_F(CommitLoopTest, an_answer_at_synced_waits_for_the_sync_while_others_go_on) {
  async::Event hold;
  journal_->hold_syncs = &hold;
  put("synced", "1", Level::kSynced);
  world_.run_until([&] { return journal_->syncs == 1; }, seconds(1));
  for (const char* key : {"a", "b"}) {
    put(key, "1");
    ASSERT_TRUE(answered(key));
  }
  put("later", "1", Level::kSynced);
  world_.run_for(milliseconds(1));
  EXPECT_FALSE(answers_.contains("synced"));
  journal_->hold_syncs = nullptr;
  hold.set();
  ASSERT_TRUE(answered("synced"));
  ASSERT_TRUE(answered("later"));
  EXPECT_EQ(journal_->syncs, 2u) << "the first sync does not cover what was appended after it began";
}

TEST_F(CommitLoopTest, one_sync_answers_many_batches) {
  async::Event hold;
  journal_->hold_syncs = &hold;
  put("first", "1", Level::kSynced);
  world_.run_until([&] { return journal_->syncs == 1; }, seconds(1));
  for (int i = 0; i < 10; ++i) {
    put("k" + std::to_string(i), "1", Level::kSynced);
    world_.run_for(milliseconds(1));
  }
  EXPECT_EQ(journal_->appends, 11u);
  journal_->hold_syncs = nullptr;
  hold.set();
  ASSERT_TRUE(answered("k9"));
  EXPECT_EQ(journal_->syncs, 2u);
}

TEST_F(CommitLoopTest, a_full_disk_refuses_the_batch_and_the_loop_goes_on_afterwards) {
  disk_->set_full(true);
  put("a", "1");
  EXPECT_EQ(code_of("a"), Code::kRejected);
  EXPECT_EQ(answers_.at("a").error().error(), ENOSPC);
  disk_->set_full(false);
  put("b", "1");
  ASSERT_TRUE(answered("b"));
  EXPECT_TRUE(answers_.at("b"));
  EXPECT_EQ(kv::all_in(*store_, "a", "z"), (kv::Pairs{{"b", "1"}}));
}

TEST_F(CommitLoopTest, after_a_failed_append_its_batch_is_unknown_and_everything_else_is_broken) {
  journal_->append_fails = broken("injected").error();
  put("a", "1");
  put("b", "1");
  EXPECT_EQ(code_of("a"), Code::kUnknown);
  EXPECT_EQ(code_of("b"), Code::kUnknown);
  EXPECT_TRUE(batches_.empty()) << "a batch that failed is told";
  journal_->append_fails.reset();
  put("c", "1");
  EXPECT_EQ(code_of("c"), Code::kBroken);
  EXPECT_EQ(loop_->state().error().code(), Code::kBroken);
  EXPECT_EQ(kv::value_of(*store_, "c"), std::nullopt);
}

TEST_F(CommitLoopTest, after_a_failed_sync_those_who_waited_are_unknown_and_everything_else_is_broken) {
  disk_->fail_sync_after(0);
  put("a", "1", Level::kSynced);
  EXPECT_EQ(code_of("a"), Code::kUnknown);
  put("b", "1");
  EXPECT_EQ(code_of("b"), Code::kBroken);
}

TEST_F(CommitLoopTest, a_failed_background_sync_breaks_it_too) {
  disk_->fail_sync_after(0);
  put("a", "1");
  ASSERT_TRUE(answered("a"));
  EXPECT_TRUE(answers_.at("a"));
  world_.run_for(milliseconds(100));
  put("b", "1");
  EXPECT_EQ(code_of("b"), Code::kBroken);
}

TEST_F(CommitLoopTest, a_step_whose_deadline_passed_in_the_queue_is_busy_and_not_run) {
  put("a", "1", Level::kAppended, -milliseconds(1));
  EXPECT_EQ(code_of("a"), Code::kBusy);
  EXPECT_EQ(kv::value_of(*store_, "a"), std::nullopt);
}

TEST_F(CommitLoopTest, a_full_queue_lets_others_wait_for_a_place_until_their_deadline) {
  start({.max_queued_steps = 1});
  async::Event hold;
  journal_->hold_syncs = &hold;
  put("holds", "1", Level::kSynced);
  world_.run_for(milliseconds(1));
  put("gives_up", "1", Level::kAppended, milliseconds(20));
  put("waits", "1", Level::kAppended, seconds(5));
  EXPECT_EQ(code_of("gives_up"), Code::kBusy);
  EXPECT_FALSE(answers_.contains("waits"));
  journal_->hold_syncs = nullptr;
  hold.set();
  ASSERT_TRUE(answered("waits"));
  EXPECT_TRUE(answers_.at("waits"));
}

TEST_F(CommitLoopTest, a_caller_that_may_commits_its_step_at_once_and_those_who_come_meanwhile_are_the_loops) {
  async::Event held;
  journal_->hold_appends = &held;
  put_alone("a");
  for (const char* key : {"b", "c"}) put_alone(key);
  EXPECT_FALSE(answered("a"));
  EXPECT_EQ(journal_->appends, 1u);
  held.set();
  ASSERT_TRUE(answered("a") && answered("b") && answered("c"));
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(batches_.size(), 2u);
  EXPECT_EQ(batches_[0].changes().size(), 1u);
  EXPECT_EQ(batches_[1].changes().size(), 2u);
}

TEST_F(CommitLoopTest, who_waits_for_the_medium_is_the_loops) {
  put_alone("a", Level::kSynced);
  put_alone("b", Level::kSynced);
  ASSERT_TRUE(answered("a") && answered("b"));
  EXPECT_EQ(batches_.size(), 1u);
  EXPECT_GE(journal_->syncs, 1u);
}

TEST_F(CommitLoopTest, after_a_slow_append_callers_commit_nothing_for_twenty_times_as_long) {
  async::Event held;
  journal_->hold_appends = &held;
  put_alone("slow");
  pass(milliseconds(3));
  EXPECT_FALSE(answers_.contains("slow"));
  held.set();
  ASSERT_TRUE(answered("slow"));
  for (const char* key : {"a", "b"}) put_alone(key);  // together: they have waited for the loop
  ASSERT_TRUE(answered("b"));
  EXPECT_EQ(batches_.size(), 2u);
  pass(milliseconds(60));
  for (const char* key : {"c", "d"}) put_alone(key);
  ASSERT_TRUE(answered("d"));
  EXPECT_EQ(batches_.size(), 4u);
}

TEST_F(CommitLoopTest, a_callers_failed_append_is_unknown_and_everything_else_is_broken) {
  journal_->append_fails = Status(Code::kUnknown, EIO, "the disk is gone");
  put_alone("a");
  EXPECT_EQ(code_of("a"), Code::kUnknown);
  put_alone("b");
  EXPECT_EQ(code_of("b"), Code::kBroken);
}

using CommitLoopDeathTest = CommitLoopTest;

// Caught by whoever serves the call, it would leave the turn taken for ever.
TEST_F(CommitLoopDeathTest, an_exception_that_leaves_a_callers_step_stops_the_process) {
  auto throws = [](CommitLoop* loop, os::Instant deadline) -> Task<void> {
    auto step = [](kv::Txn&) -> Result<int> { throw std::runtime_error("out of something"); };
    try {
      (void)co_await loop->run(step, Level::kAppended, deadline, true);
    } catch (const std::exception&) {
    }
  };
  auto die = [&] {
    async::spawn_detached(world_.executor(), throws(loop_.get(), env().clock.now() + seconds(1)));
    world_.run_for(milliseconds(1));
  };
  EXPECT_DEATH(die(), "no exception leaves a step.*out of something");
}

TEST_F(CommitLoopTest, stop_waits_for_a_caller_that_commits) {
  async::Event held;
  journal_->hold_appends = &held;
  put_alone("a");
  pass(milliseconds(1));
  bool ended = false;
  auto stopping = [](CommitLoop* loop, bool* ended) -> Task<void> {
    co_await loop->stop();
    *ended = true;
  };
  async::spawn_detached(world_.executor(), stopping(loop_.get(), &ended));
  pass(seconds(1));
  EXPECT_FALSE(ended);
  held.set();
  ASSERT_TRUE(world_.run_until([&] { return ended; }, seconds(1)));
  EXPECT_TRUE(answers_.at("a"));
  EXPECT_EQ(kv::value_of(*store_, "a"), "1");
  EXPECT_GE(journal_->syncs, 1u);
}

TEST_F(CommitLoopTest, stop_runs_and_syncs_what_is_queued_and_refuses_the_rest) {
  put("a", "1");
  put("b", "1", Level::kSynced);
  world_.run_until([&] { return loop_->queued() == 2; }, seconds(1));
  std::optional<bool> stopped_loop = world_.complete(stopped(loop_.get()), seconds(1));
  ASSERT_TRUE(stopped_loop);
  ASSERT_TRUE(answered("a") && answered("b"));
  EXPECT_TRUE(answers_.at("a") && answers_.at("b"));
  EXPECT_GE(disk_->syncs(), 1u);
  put("c", "1");
  EXPECT_EQ(code_of("c"), Code::kCancelled);
}

// Power is cut between any two moments of a mixed run: all that was answered at synced is there, and what is there is a prefix of
// the order in which steps ran.
TEST_F(CommitLoopTest, a_power_cut_at_any_moment_keeps_what_was_synced_and_a_prefix) {
  for (int cut = 0; cut < 60; ++cut) {
    stop();
    disk_ = kv::MemoryDisk::create();
    answers_.clear();
    start({.max_batch_steps = 3});
    for (int i = 0; i < 20; ++i) put("k" + std::to_string(10 + i), "1", i % 4 == 3 ? Level::kSynced : Level::kAppended);
    size_t turns = 0;
    world_.run_until([&] { return turns++ == static_cast<size_t>(cut); }, seconds(1));
    std::vector<std::string> synced;
    for (int i = 3; i < 20; i += 4)
      if (auto answer = answers_.find("k" + std::to_string(10 + i)); answer != answers_.end() && answer->second)
        synced.push_back(answer->first);
    os::SimRandom random = world_.random(std::to_string(cut));
    disk_->power_cut(random);
    auto after = std::move(*disk_->open());
    const kv::Pairs left = kv::all_in(*after, "k", "l");
    for (size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i].first, "k" + std::to_string(10 + i)) << cut;
    for (const std::string& key : synced) EXPECT_TRUE(kv::value_of(*after, key)) << key << " cut at " << cut;
  }
}

// On real threads, where a stop meets the loop in any state. On one CPU, a thread that is woken often runs before the one that
// woke it goes on.
TEST(CommitLoopThreads, a_stop_from_another_thread_always_ends) {
  cpu_set_t before, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  async::Loop commit("commit", 1), caller("caller", 1);
  for (int round = 0; round < 300; ++round) {
    auto disk = kv::MemoryDisk::create();
    auto store = std::move(*disk->open());
    journal::LocalJournal journal(*store, caller.executor());
    CommitLoop loop(
        os::real_clock(), obs::null_log(), no_events(), *store, journal, [](const kv::WriteBatch&) {},
        {.sync_after = Duration::zero()}, commit.executor());
    loop.start();
    auto put = [](kv::Txn& txn) -> Result<int> {
      txn.put("key", "value");
      return 1;
    };
    auto done = async::block_on(caller.executor(), loop.run(put, Level::kSynced, os::real_clock().now() + seconds(60)));
    ASSERT_TRUE(done) << done.error().to_string();
    async::block_on(caller.executor(), loop.stop());
  }
  commit.stop();  // before `caller` is destroyed, which it may still be waking
  EXPECT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

TEST(CommitLoopThreads, what_callers_commit_themselves_and_the_loop_commits_is_one_sequence) {
  constexpr int kCallers = 4, kSteps = 1000;
  async::Loop commit("commit", 1), blocking("blocking", 1);
  auto disk = kv::MemoryDisk::create();
  auto store = std::move(*disk->open());
  journal::LocalJournal journal(*store, blocking.executor());
  CommitLoop loop(
      os::real_clock(), obs::null_log(), no_events(), *store, journal, [](const kv::WriteBatch&) {}, {}, commit.executor());
  loop.start();
  auto add_many = [](CommitLoop* loop, int caller) -> Task<int> {
    auto add = [](kv::Txn& txn) -> Result<int> {
      auto before = txn.get("sum");
      const int sum = before->has_value() ? std::stoi(**before) + 1 : 1;
      txn.put("sum", std::to_string(sum));
      return sum;
    };
    int failed = 0;
    for (int i = 0; i < kSteps; ++i) {
      const Level level = i % 50 == 0 ? Level::kSynced : Level::kAppended;
      Result<int> done = co_await loop->run(add, level, os::real_clock().now() + seconds(60), (i + caller) % 5 != 0);
      failed += done ? 0 : 1;
    }
    co_return failed;
  };
  std::vector<std::unique_ptr<async::Loop>> own;  // until nobody wakes anybody on them any more
  std::vector<std::thread> callers;
  std::atomic<int> failed = 0;
  for (int caller = 0; caller < kCallers; ++caller) {
    own.push_back(std::make_unique<async::Loop>("caller", 1));
    callers.emplace_back(
        [&, caller, executor = own.back()->executor()] { failed += async::block_on(executor, add_many(&loop, caller)); });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(kv::value_of(*store, "sum"), std::to_string(kCallers * kSteps));
  async::block_on(blocking.executor(), loop.stop());
  commit.stop();
}

}  // namespace
}  // namespace forebay::master
