#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "async/loop.h"
#include "async/sync.h"
#include "async/task.h"

namespace forebay::async {
namespace {

Task<int> add_on(Executor other, int a, int b) {
  int sum = co_await run_blocking(other, [a, b] { return a + b; });
  co_return sum;
}

TEST(Task, crosses_executors_and_comes_back) {
  Loop one("one"), two("two");
  EXPECT_EQ(block_on(one.executor(), add_on(two.executor(), 2, 3)), 5);
}

Task<void> produce(BoundedQueue<int>* queue, int count) {
  for (int i = 0; i < count; ++i) co_await queue->push(i);
  queue->close();
}

Task<int> consume(BoundedQueue<int>* queue) {
  int sum = 0;
  for (;;) {
    std::optional<int> item = co_await queue->pop();
    if (!item) co_return sum;
    sum += *item;
  }
}

TEST(BoundedQueue, hands_everything_over_between_threads) {
  Loop one("one"), two("two");
  BoundedQueue<int> queue(3);
  // Joined before the rest is taken down: close() may still be waking the consumer that has everything.
  std::jthread producer([&] { block_on(one.executor(), produce(&queue, 10'000)); });
  EXPECT_EQ(block_on(two.executor(), consume(&queue)), 10'000 * 9'999 / 2);
}

Task<bool> push_after_close(BoundedQueue<int>* queue) { co_return co_await queue->push(1); }

TEST(BoundedQueue, refuses_after_close) {
  Loop loop("one");
  BoundedQueue<int> queue(1);
  queue.close();
  EXPECT_FALSE(queue.try_push(1));
  EXPECT_FALSE(block_on(loop.executor(), push_after_close(&queue)));
}

Task<void> count_under(Mutex* mutex, int* counter, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    Mutex::Guard guard = co_await mutex->lock();
    int seen = *counter;
    co_await yield();
    *counter = seen + 1;
  }
}

Task<void> count_twice(Mutex* mutex, int* counter, Scope* scope) {
  for (int i = 0; i < 8; ++i) scope->spawn(count_under(mutex, counter, 200));
  co_await scope->stop();
}

TEST(Mutex, excludes_across_suspensions) {
  Loop loop("pool", 4);
  Mutex mutex;
  int counter = 0;
  Scope scope(loop.executor());
  // `seen` is used: the result of the task is the barrier.
  block_on(loop.executor(), [](Mutex* m, int* c, Scope* s) -> Task<int> {
    co_await count_twice(m, c, s);
    co_return 0;
  }(&mutex, &counter, &scope));
  EXPECT_EQ(counter, 1'600);
}

Task<void> sleep_long(std::stop_token stop, std::atomic<int>* woken) {
  bool slept = co_await sleep_until(std::chrono::steady_clock::now() + std::chrono::hours(1), stop);
  if (!slept) ++*woken;
}

TEST(Scope, stop_ends_sleepers_and_waits_for_them) {
  Loop loop("one");
  Scope scope(loop.executor());
  std::atomic<int> woken = 0;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(scope.spawn(sleep_long(scope.token(), &woken)));
  block_on(loop.executor(), [](Scope* s) -> Task<int> {
    co_await s->stop();
    co_return 0;
  }(&scope));
  EXPECT_EQ(woken, 10);
  EXPECT_FALSE(scope.spawn(sleep_long(scope.token(), &woken)));
}

Task<void> take(Semaphore* semaphore, std::vector<int>* order, int me) {
  co_await semaphore->acquire();
  order->push_back(me);
  co_await yield();
  semaphore->release();
}

TEST(Semaphore, is_first_come_first_served_in_a_manual_loop) {
  ManualLoop loop;
  Semaphore semaphore(1);
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) spawn_detached(loop.executor(), take(&semaphore, &order, i));
  loop.run_ready();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace forebay::async
