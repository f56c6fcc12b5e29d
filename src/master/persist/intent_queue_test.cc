#include "master/persist/intent_queue.h"

#include <gtest/gtest.h>

#include "forebay/v1/persist.rpc.h"
#include "kv/memory_store.h"
#include "master/schema.h"
#include "os/simulation.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using v1::persist_service::NextIntents;

class IntentQueueTest : public testing::Test {
 protected:
  IntentQueueTest() { queue_.bind(router_); }
  ~IntentQueueTest() override {
    queue_.stop();
    world_.run_for(seconds(1));
  }

  os::Clock& clock() { return process_->env().clock; }
  v1::IntentPlace add(uint64_t sequence, Duration after = {}) {
    v1::IntentPlace place;
    place.set_due_ns(os::unix_nanos(clock().wall_now()) + after.count());
    place.set_sequence(sequence);
    v1::IntentRecord intent;
    intent.set_kind(v1::INTENT_PERSIST);
    kv::WriteBatch batch;
    batch.put(key::intent(place.due_ns(), sequence), intent.SerializeAsString());
    EXPECT_TRUE(store_->write(batch));
    queue_.look(batch);
    return place;
  }
  void ask(Duration wait, std::optional<v1::IntentPlace> after = {}, std::stop_token abandoned = {}, uint32_t uid = 0) {
    v1::NextIntentsRequest request;
    request.set_wait_ms(static_cast<uint32_t>(wait / milliseconds(1)));
    if (after) *request.mutable_after() = *after;
    rpc::Call call;
    call.abandoned = std::move(abandoned);
    call.context.set_uid(uid);
    answer_.reset();
    async::spawn_detached(world_.executor(), run(this, std::move(call), request.SerializeAsString()));
  }
  static Task<void> run(IntentQueueTest* test, rpc::Call call, std::string request) {
    Task<Result<rpc::Router::Reply>> asking =
        test->router_.find(NextIntents::kMethod.number)->invoke(std::move(call), std::move(request));
    Result<rpc::Router::Reply> reply = co_await std::move(asking);
    test->is_refused_ = !reply;
    v1::NextIntentsReply& answer = test->answer_.emplace();
    if (reply) EXPECT_TRUE(answer.ParseFromString(reply->message));
  }
  std::vector<uint64_t> found() const {
    std::vector<uint64_t> sequences;
    if (!answer_) return sequences;
    for (const v1::WaitingIntent& each : answer_->intents()) sequences.push_back(each.place().sequence());
    return sequences;
  }

  os::SimWorld world_{os::WorldConfig{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "master");
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store_ = *disk_->open();
  rpc::Router router_;
  IntentQueue queue_{*store_, clock()};
  std::optional<v1::NextIntentsReply> answer_;
  bool is_refused_ = false;
};

TEST_F(IntentQueueTest, whoever_waits_hears_of_an_intent_at_once) {
  ask(seconds(5));
  world_.run_for(seconds(1));
  EXPECT_FALSE(answer_);
  add(7);
  world_.run_for(milliseconds(1));
  EXPECT_EQ(found(), (std::vector<uint64_t>{7}));
}

TEST_F(IntentQueueTest, what_was_seen_before_is_no_news) {
  const v1::IntentPlace seen = add(7);
  world_.run_for(milliseconds(1));
  ask(seconds(5), seen);
  world_.run_for(seconds(1));
  EXPECT_FALSE(answer_);
  add(8);
  world_.run_for(milliseconds(1));
  EXPECT_EQ(found(), (std::vector<uint64_t>{8}));
}

TEST_F(IntentQueueTest, one_that_is_to_wait_is_told_when_it_is_due) {
  ask(seconds(5));
  world_.run_for(seconds(1));
  add(7, seconds(1));
  world_.run_for(milliseconds(990));
  EXPECT_FALSE(answer_);
  world_.run_for(milliseconds(20));
  EXPECT_EQ(found(), (std::vector<uint64_t>{7}));
}

TEST_F(IntentQueueTest, a_wait_is_over_in_time_and_says_when_the_next_one_is_due) {
  const v1::IntentPlace later = add(7, seconds(20));
  ask(milliseconds(500));
  world_.run_for(milliseconds(501));
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(found().empty());
  EXPECT_EQ(answer_->next_due_ns(), later.due_ns());
  ask({});
  world_.run_for(milliseconds(1));
  EXPECT_TRUE(answer_) << "nobody has asked it to wait";
}

TEST_F(IntentQueueTest, no_wait_outlives_its_caller_or_the_master) {
  std::stop_source gone;
  ask(seconds(10), {}, gone.get_token());
  world_.run_for(seconds(1));
  EXPECT_FALSE(answer_);
  gone.request_stop();
  world_.run_for(milliseconds(1));
  EXPECT_TRUE(answer_);
  ask(seconds(10));
  world_.run_for(seconds(1));
  EXPECT_FALSE(answer_);
  queue_.stop();
  world_.run_for(milliseconds(1));
  EXPECT_TRUE(answer_);
  ask(seconds(10));
  world_.run_for(milliseconds(1));
  EXPECT_TRUE(answer_) << "it has stopped";
}

TEST_F(IntentQueueTest, only_the_superuser_hears_of_them) {
  add(7);
  ask(seconds(5), {}, {}, 1000);
  world_.run_for(milliseconds(1));
  EXPECT_TRUE(is_refused_);
}

}  // namespace
}  // namespace forebay::master
