// What is asked of the master for each operation, in few calls for many.
#pragma once

#include "coordinator/jobs/together.h"
#include "coordinator/master_session.h"
#include "forebay/v1/persist.pb.h"

namespace forebay::coordinator {

// The contracts are those of the calls for one (proto/forebay/v1/persist.proto). Owned by the coordinator; Env and session
// outlive it. On one executor. stop() first of all that runs: what is asked then, or is not answered, ends with `cancelled`.
class MasterCalls {
 public:
  MasterCalls(os::Env& env, MasterSession& master, const async::Executor& executor);

  Task<Result<v1::StartIntentReply>> start(v1::StartIntentRequest request) { return starts_.ask(std::move(request)); }
  // What is `busy` among others is asked again, as the session does with a call of its own.
  static Task<Result<v1::FinishOperationReply>> finish(MasterCalls* self, v1::FinishOperationRequest request);
  // With inline content. `busy`: not in this answer; a worker may ask for itself.
  Task<Result<v1::Layout>> layout(v1::GetUploadLayoutRequest request) { return layouts_.ask(std::move(request)); }
  Task<void> stop();

 private:
  os::Env& env_;
  std::stop_source stop_;
  Together<v1::StartIntentRequest, v1::StartIntentReply> starts_;
  Together<v1::FinishOperationRequest, v1::FinishOperationReply> ends_;
  Together<v1::GetUploadLayoutRequest, v1::Layout> layouts_;
};

}  // namespace forebay::coordinator
