#include "coordinator/master_session.h"

#include "coordinator/master_fixture.h"
#include "forebay/v1/persist.rpc.h"

namespace forebay::coordinator {
namespace {

using MasterSessionTest = WithMaster;

Task<Result<v1::FinishOperationsReply>> finish(MasterSession* session) {
  v1::FinishOperationsRequest request;
  request.add_operations()->set_operation(1);
  Task<Result<v1::FinishOperationsReply>> calling = session->call<v1::persist_service::FinishOperations>(std::move(request), {});
  co_return co_await std::move(calling);
}

// A coordinator that was killed is asked again by workers before it has done anything else.
TEST_F(MasterSessionTest, a_change_that_comes_before_the_session_waits_for_it) {
  MasterSession fresh(process->env(), config, world.executor(), obs::null_log());
  const auto finished = world.complete(finish(&fresh), kLimit);
  ASSERT_TRUE(finished && *finished) << (*finished).error().to_string();
  EXPECT_EQ(master.sessions, (std::vector<uint64_t>{1}));
  const auto begun = world.complete(fresh.begin({}), kLimit);
  EXPECT_TRUE(begun && *begun);
  EXPECT_EQ(fresh.cluster(), "cluster-a");
  EXPECT_EQ(master.opened, 2) << "the fixture's, and one";
  stop(&fresh);
}

}  // namespace
}  // namespace forebay::coordinator
