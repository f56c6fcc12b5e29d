#include "master/persist/fetch_queue.h"

#include <gtest/gtest.h>

#include "forebay/v1/persist.rpc.h"
#include "kv/memory_store.h"
#include "master/schema.h"
#include "os/simulation.h"

namespace forebay::master {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using v1::persist_service::NextFetches;

class FetchQueueTest : public testing::Test {
 protected:
  FetchQueueTest() { queue_.bind(router_); }
  ~FetchQueueTest() override {
    queue_.stop();
    world_.run_for(seconds(1));
  }

  os::Clock& clock() { return process_->env().clock; }
  // Somebody waits for the object from now on; it may be fetched `after` that.
  void want(uint64_t object, Duration after) {
    v1::FetchRecord fetch;
    fetch.set_due_ns(os::unix_nanos(clock().wall_now()) + after.count());
    kv::WriteBatch batch;
    batch.put(key::fetch(ObjectId{object}), fetch.SerializeAsString());
    ASSERT_TRUE(store_->write(batch));
    queue_.look(batch);
  }
  void ask(Duration wait) {
    v1::NextFetchesRequest request;
    request.set_wait_ms(static_cast<uint32_t>(wait / milliseconds(1)));
    async::spawn_detached(world_.executor(), run(this, request.SerializeAsString()));
  }
  static Task<void> run(FetchQueueTest* test, std::string request) {
    Task<Result<rpc::Router::Reply>> asking = test->router_.find(NextFetches::kMethod.number)->invoke({}, std::move(request));
    Result<rpc::Router::Reply> reply = co_await std::move(asking);
    EXPECT_TRUE(reply);
    if (reply) EXPECT_TRUE(test->answer_.emplace().ParseFromString(reply->message));
  }

  os::SimWorld world_{os::WorldConfig{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "master");
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store_ = *disk_->open();
  rpc::Router router_;
  FetchQueue queue_{*store_, clock()};
  std::optional<v1::NextFetchesReply> answer_;
};

TEST_F(FetchQueueTest, whoever_waits_hears_of_a_fetch_when_it_is_due) {
  ask(seconds(5));
  world_.run_for(seconds(1));
  want(7, seconds(1));
  world_.run_for(milliseconds(900));
  EXPECT_FALSE(answer_);
  world_.run_for(milliseconds(200));
  ASSERT_TRUE(answer_);
  ASSERT_EQ(answer_->objects_size(), 1);
  EXPECT_EQ(answer_->objects(0), 7U);
}

TEST_F(FetchQueueTest, a_wait_that_is_all_but_over_ends_in_time_whatever_is_due_later) {
  ask(milliseconds(10));
  world_.run_for(microseconds(9'500));
  want(7, seconds(20));
  world_.run_for(milliseconds(1));
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->objects_size(), 0);
}

}  // namespace
}  // namespace forebay::master
