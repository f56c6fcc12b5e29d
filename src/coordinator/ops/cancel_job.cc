#include "coordinator/ops/operations.h"

namespace forebay::coordinator {

// Its driver sees the mark at its next turn, within seconds; a job that waits for a worker never gets one.
Answered<v1::CancelJobReply> cancel_job(const Operations* with, rpc::Call call, v1::CancelJobRequest request) {
  CO_TRY(check_superuser(call));
  const Job job = with->jobs.find(request.operation());
  if (!job) co_return rejected(ENOENT, "job " + std::to_string(request.operation()) + " is not in flight");
  job->cancelled = true;
  co_return rpc::Answer<v1::CancelJobReply>(v1::CancelJobReply());
}

}  // namespace forebay::coordinator
