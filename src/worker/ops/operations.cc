#include "worker/ops/operations.h"

namespace forebay::worker {
namespace {

// The handler that binds an operation to what it uses.
template <class M, auto kOperation>
void add(rpc::Router& router, const Operations* with) {
  router.handle<M>(
      [with](rpc::Call call, typename M::Request request) { return kOperation(with, std::move(call), std::move(request)); });
}

}  // namespace

void add_operations(rpc::Router& router, const Operations* with) {
  namespace service = v1::worker_service;
  add<service::WriteObject, write_object>(router, with);
  add<service::ReadObject, read_object>(router, with);
  add<service::SealObject, seal_object>(router, with);
  add<service::SyncObject, sync_object>(router, with);
  add<service::OpenObject, open_object>(router, with);
  add<service::ForkObject, fork_object>(router, with);
  add<service::ReserveObject, reserve_object>(router, with);
  add<service::HoldSpace, hold_space>(router, with);
  add<service::StatObject, stat_object>(router, with);
  add<service::ListObjects, list_objects>(router, with);
}

}  // namespace forebay::worker
