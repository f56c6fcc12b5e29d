#include "coordinator/ops/operations.h"

namespace forebay::coordinator {
namespace {

// The handler that binds an operation to what it uses.
template <class M, auto kOperation>
void add(rpc::Router& router, const Operations* with) {
  router.handle<M>(
      [with](rpc::Call call, typename M::Request request) { return kOperation(with, std::move(call), std::move(request)); });
}

}  // namespace

Result<void> check_superuser(const rpc::Call& call) {
  if (call.context.uid() != 0) return rejected(EPERM, "jobs are the superuser's to control");
  return {};
}

void add_operations(rpc::Router& router, const Operations* with) {
  namespace service = v1::coordinator_service;
  namespace persists = v1::persist_service;
  add<service::ListJobs, list_jobs>(router, with);
  add<service::StatJob, stat_job>(router, with);
  add<service::CancelJob, cancel_job>(router, with);
  add<service::GetPace, get_pace>(router, with);
  add<service::RecordUpload, forward<persists::RecordMultipart>>(router, with);
  add<service::MayShow, forward<persists::MayPublish>>(router, with);
  add<service::ReadLayout, forward<persists::GetUploadLayout>>(router, with);
  add<service::ListPeers, list_peers>(router, with);
}

}  // namespace forebay::coordinator
