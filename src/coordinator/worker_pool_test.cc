#include "coordinator/worker_pool.h"

#include "coordinator/master_fixture.h"

namespace forebay::coordinator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One who looks for a place. Shared by the test and its coroutine.
struct Searcher {
  std::stop_source unwanted;
  bool ended = false;
  std::optional<WorkerId> found;
};
using Search = std::shared_ptr<Searcher>;

class WorkerPoolTest : public WithMaster {
 protected:
  void SetUp() override {
    WithMaster::SetUp();
    pool = std::make_unique<WorkerPool>(process->env(), config, *session, world.executor());
  }
  void TearDown() override {
    stopping.request_stop();
    world.run_for(seconds(1));
    stop(pool.get());
    WithMaster::TearDown();
  }
  void add_workers(std::initializer_list<uint64_t> workers) {
    for (const uint64_t worker : workers) master.add_worker(worker);
    EXPECT_TRUE(world.complete(refresh(pool.get()), kLimit));
  }
  static Task<bool> refresh(WorkerPool* pool) {
    co_await pool->refresh({});
    co_return true;
  }
  static Task<void> run(WorkerPoolTest* test, Search searcher, WorkerPool::Search search) {
    Task<std::optional<WorkerId>> finding =
        WorkerPool::find_place(test->pool.get(), std::move(search), test->stopping.get_token(), searcher->unwanted.get_token());
    searcher->found = co_await std::move(finding);
    searcher->ended = true;
  }
  Search look(std::map<WorkerId, uint64_t> bytes = {}, Duration give_up = std::chrono::minutes(1), size_t most_tasks = 1) {
    auto searcher = std::make_shared<Searcher>();
    const os::Instant until = process->env().clock.now() + give_up;
    WorkerPool::Search search{.bytes = std::move(bytes), .most_tasks = most_tasks, .give_up = until};
    async::spawn_detached(world.executor(), run(this, searcher, std::move(search)));
    world.run_for(milliseconds(1));
    return searcher;
  }
  // Those that wait have looked again, and again, until the next look by themselves is seconds away.
  void settle() { world.run_for(seconds(20)); }

  std::unique_ptr<WorkerPool> pool;
  std::stop_source stopping;
};

constexpr WorkerId kOne{1}, kTwo{2};

TEST_F(WorkerPoolTest, a_place_is_where_most_of_the_bytes_are_and_else_where_there_are_the_fewest_tasks) {
  add_workers({1, 2});
  EXPECT_EQ(look({{kOne, 10}, {kTwo, 20}})->found, kTwo);
  EXPECT_EQ(look({{kTwo, 20}})->found, kOne);
  EXPECT_FALSE(look()->ended);
}

TEST_F(WorkerPoolTest, whoever_waits_longest_has_the_place_that_is_released_at_once) {
  add_workers({1});
  EXPECT_EQ(look()->found, kOne);
  const Search first = look(), second = look();
  settle();
  pool->release(kOne);
  world.run_for(milliseconds(1));
  EXPECT_EQ(first->found, kOne);
  EXPECT_FALSE(second->ended);
}

TEST_F(WorkerPoolTest, who_is_woken_for_a_place_and_does_not_take_it_wakes_the_next_one) {
  add_workers({1});
  EXPECT_EQ(look()->found, kOne);
  const Search first = look(), second = look(), third = look();
  settle();
  first->unwanted.request_stop();
  second->unwanted.request_stop();
  pool->release(kOne);
  world.run_for(milliseconds(1));
  EXPECT_TRUE(first->ended && second->ended);
  EXPECT_FALSE(first->found || second->found);
  EXPECT_EQ(third->found, kOne);
}

TEST_F(WorkerPoolTest, who_waits_longest_and_may_not_have_the_place_keeps_nobody_else_from_it) {
  add_workers({1});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look({}, std::chrono::minutes(1), 3)->found, kOne);
  const Search few = look(), more = look({}, std::chrono::minutes(1), 3);
  settle();
  pool->release(kOne);
  world.run_for(milliseconds(1));
  EXPECT_FALSE(few->ended) << "two tasks are there already";
  EXPECT_EQ(more->found, kOne);
}

TEST_F(WorkerPoolTest, who_was_woken_too_late_is_still_the_next_one) {
  add_workers({1});
  EXPECT_EQ(look()->found, kOne);
  const Search first = look(), second = look();
  settle();
  pool->release(kOne);
  pool->take(kOne);  // by somebody who did not wait
  world.run_for(milliseconds(1));
  EXPECT_FALSE(first->ended || second->ended);
  pool->release(kOne);
  world.run_for(milliseconds(1));
  EXPECT_EQ(first->found, kOne);
  EXPECT_FALSE(second->ended);
}

TEST_F(WorkerPoolTest, nobody_waits_beyond_the_time_to_give_up_or_the_stop) {
  const Search first = look({}, seconds(10)), second = look();
  world.run_for(seconds(16));
  EXPECT_TRUE(first->ended);
  EXPECT_FALSE(first->found);
  EXPECT_FALSE(second->ended);
  stopping.request_stop();
  world.run_for(milliseconds(1));
  EXPECT_TRUE(second->ended);
}

TEST_F(WorkerPoolTest, a_worker_that_is_avoided_has_no_place_until_that_is_over) {
  add_workers({1});
  pool->avoid(kOne);
  const Search search = look();
  world.run_for(seconds(4));
  EXPECT_FALSE(search->ended);
  world.run_for(seconds(11));
  EXPECT_EQ(search->found, kOne);
}

}  // namespace
}  // namespace forebay::coordinator
