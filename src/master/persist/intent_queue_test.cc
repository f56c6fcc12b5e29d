#include "master/persist/intent_queue.h"

#include "master/persist/due_queue_fixture.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class IntentQueueTest : public DueQueueTest<IntentQueue, v1::persist_service::NextIntents> {
 protected:
  v1::IntentPlace add(uint64_t sequence, Duration after = {}) {
    v1::IntentPlace place;
    place.set_due_ns(now_ns() + after.count());
    place.set_sequence(sequence);
    v1::IntentRecord intent;
    intent.set_kind(v1::INTENT_PERSIST);
    commit(key::intent(place.due_ns(), sequence), intent.SerializeAsString());
    return place;
  }
  std::vector<uint64_t> found() const {
    std::vector<uint64_t> sequences;
    if (!answer_) return sequences;
    for (const v1::WaitingIntent& each : answer_->intents()) sequences.push_back(each.place().sequence());
    return sequences;
  }
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
  v1::NextIntentsRequest request;
  *request.mutable_after() = seen;
  ask(seconds(5), request);
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
  ask(seconds(10), {}, {.abandoned = gone.get_token()});
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
  rpc::Call call;
  call.context.set_uid(1000);
  ask(seconds(5), {}, std::move(call));
  world_.run_for(milliseconds(1));
  EXPECT_TRUE(is_refused_);
}

}  // namespace
}  // namespace forebay::master
