#include "coordinator/task_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "async/loop.h"
#include "kv/memory_store.h"

namespace forebay::coordinator {
namespace {

// Notices a second writer.
class WatchedStore final : public kv::Store {
 public:
  Result<std::optional<std::string>> get(std::string_view key) const override { return inner_.get(key); }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return inner_.scan(begin, end, each);
  }
  Result<void> write(const kv::WriteBatch& batch) override {
    if (writers_.fetch_add(1) != 0) met_another_ = true;
    std::this_thread::yield();
    Result<void> written = inner_.write(batch);
    writers_.fetch_sub(1);
    return written;
  }
  Result<void> sync() override { return inner_.sync(); }
  std::unique_ptr<kv::Reader> snapshot() const override { return inner_.snapshot(); }
  uint64_t approximate_bytes() const override { return inner_.approximate_bytes(); }
  Result<void> accepts_writes() const override { return inner_.accepts_writes(); }
  bool met_another() const { return met_another_; }

 private:
  const std::shared_ptr<kv::MemoryDisk> disk_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<kv::Store> opened_ = disk_->open().value();
  kv::Store& inner_ = *opened_;
  std::atomic<int> writers_{0};
  std::atomic<bool> met_another_{false};
};

Task<void> put_and_erase(TaskStore* tasks, uint64_t operation, async::Semaphore* ended) {
  v1::TaskRecord record;
  record.set_epoch(1);
  Result<void> put = co_await tasks->put(operation, record);
  EXPECT_TRUE(put);
  if (operation % 2 == 0) {
    Result<void> erased = co_await tasks->erase(operation);
    EXPECT_TRUE(erased);
  }
  ended->release();
}

Task<bool> many(TaskStore* tasks, async::Executor executor) {
  async::Scope scope(executor);
  async::Semaphore ended(0);
  for (uint64_t operation = 1; operation <= 500; ++operation) scope.spawn(put_and_erase(tasks, operation, &ended));
  for (int i = 0; i < 500; ++i) co_await ended.acquire();
  co_await scope.stop();
  co_return true;
}

TEST(TaskStoreTest, writes_one_record_at_a_time_whatever_the_threads) {
  async::Loop loop("test"), blocking("blocking", 4);
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), os::real_host_id()};
  WatchedStore store;
  TaskStore tasks(env, store);
  EXPECT_TRUE(async::block_on(loop.executor(), many(&tasks, loop.executor())));
  EXPECT_FALSE(store.met_another());
  auto left = tasks.load();
  ASSERT_TRUE(left);
  EXPECT_EQ(left->size(), 250u);
}

}  // namespace
}  // namespace forebay::coordinator
