#include "coordinator/ops/operations.h"

namespace forebay::coordinator {

v1::Pace describe_pace(const Operations& with) {
  v1::Pace pace;
  with.pace.describe(pace);
  pace.set_jobs(with.jobs.size());
  pace.set_bandwidth(with.workers.bandwidth());
  for (const uint64_t mount : with.breakers.broken()) {
    pace.add_broken_mounts(mount);
    pace.add_broken_errors(with.breakers.why(mount));
  }
  return pace;
}

Answered<v1::Pace> get_pace(const Operations* with, rpc::Call call, v1::Empty) {
  CO_TRY(check_superuser(call));
  co_return rpc::Answer<v1::Pace>(describe_pace(*with));
}

}  // namespace forebay::coordinator
