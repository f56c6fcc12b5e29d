#include "master/persist/fetch_queue.h"

#include "master/persist/due_queue_fixture.h"

namespace forebay::master {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class FetchQueueTest : public DueQueueTest<FetchQueue, v1::persist_service::NextFetches> {
 protected:
  // Somebody waits for the object from now on; it may be fetched `after` that.
  void want(uint64_t object, Duration after) {
    v1::FetchRecord fetch;
    fetch.set_due_ns(now_ns() + after.count());
    commit(key::fetch(ObjectId{object}), fetch.SerializeAsString());
  }
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
