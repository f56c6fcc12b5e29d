#include "coordinator/ops/operations.h"

namespace forebay::coordinator {

Answered<v1::Job> stat_job(const Operations* with, rpc::Call call, v1::StatJobRequest request) {
  CO_TRY(check_superuser(call));
  const Job job = with->jobs.find(request.operation());
  if (!job) co_return rejected(ENOENT, "job " + std::to_string(request.operation()) + " is not in flight");
  co_return rpc::Answer<v1::Job>(job->describe());
}

}  // namespace forebay::coordinator
