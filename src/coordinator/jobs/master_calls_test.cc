#include "coordinator/jobs/master_calls.h"

#include <map>

#include "coordinator/master_fixture.h"

namespace forebay::coordinator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MasterCallsTest : public WithMaster {
 protected:
  void SetUp() override {
    WithMaster::SetUp();
    calls = std::make_unique<MasterCalls>(process->env(), *session, world.executor());
  }
  void TearDown() override {
    stop(calls.get());
    WithMaster::TearDown();
  }
  static Task<void> run(MasterCallsTest* test, uint64_t operation) {
    v1::FinishOperationRequest request;
    request.set_operation(operation);
    Task<Result<v1::FinishOperationReply>> finishing = MasterCalls::finish(test->calls.get(), std::move(request));
    Result<v1::FinishOperationReply> reply = co_await std::move(finishing);
    test->outcomes[operation] = reply ? reply->result() : std::string(code_name(reply.error().code()));
  }
  void finish(uint64_t operation) { async::spawn_detached(world.executor(), run(this, operation)); }

  std::unique_ptr<MasterCalls> calls;
  std::map<uint64_t, std::string> outcomes;
};

TEST_F(MasterCallsTest, an_operation_that_is_busy_among_others_is_ended_later_as_it_would_be_alone) {
  finish(1);
  world.run_for(milliseconds(50));
  master.refusals = {busy("not now").error(), stale("it has ended").error()};
  for (const uint64_t operation : {2, 3}) finish(operation);
  world.run_for(seconds(2));
  EXPECT_EQ(outcomes, (std::map<uint64_t, std::string>{{1, "stored"}, {2, "stored"}, {3, "stale"}}));
  ASSERT_GE(master.finished.size(), 3U);
  EXPECT_EQ(master.finished.back(), (std::vector<uint64_t>{2})) << "what was answered is not asked again";
}

TEST_F(MasterCallsTest, one_that_stays_busy_is_asked_for_at_growing_pauses_until_the_stop) {
  master.refusals.assign(1'000, busy("not now").error());
  finish(1);
  world.run_for(seconds(30));
  EXPECT_TRUE(outcomes.empty());
  EXPECT_GE(master.finished.size(), 15U);
  EXPECT_LE(master.finished.size(), 200U);
  stop(calls.get());
  world.run_for(milliseconds(1));
  EXPECT_EQ(outcomes[1], "cancelled");
}

}  // namespace
}  // namespace forebay::coordinator
