#include "coordinator/ops/operations.h"

namespace forebay::coordinator {

Answered<v1::ListJobsReply> list_jobs(const Operations* with, rpc::Call call, v1::ListJobsRequest request) {
  CO_TRY(check_superuser(call));
  co_return rpc::Answer<v1::ListJobsReply>(with->jobs.list(request));
}

}  // namespace forebay::coordinator
