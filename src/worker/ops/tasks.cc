#include "worker/ops/tasks.h"

#include "forebay/v1/tasks.rpc.h"

namespace forebay::worker {
namespace {

template <class M, auto kOperation>
Task<Result<rpc::Answer<typename M::Reply>>> hand_over(TaskTable* tasks, typename M::Request request) {
  Task<Result<typename M::Reply>> running = async::run_on(tasks->executor(), kOperation(tasks, std::move(request)));
  CO_ASSIGN_OR_RETURN(typename M::Reply reply, co_await std::move(running));
  co_return rpc::Answer<typename M::Reply>(std::move(reply));
}

// The superuser's, like all of persistence: what a task does is done with the store's keys to everything.
template <class M, auto kOperation>
Task<Result<rpc::Answer<typename M::Reply>>> serve(TaskTable* tasks, rpc::Call call, typename M::Request request) {
  if (call.context.uid() != 0) co_return rejected(EPERM, "tasks are the superuser's");
  co_return co_await hand_over<M, kOperation>(tasks, std::move(request));
}

template <class M, auto kOperation>
void add(rpc::Router& router, TaskTable* tasks) {
  router.handle<M>([tasks](rpc::Call call, typename M::Request request) {
    return serve<M, kOperation>(tasks, std::move(call), std::move(request));
  });
}

}  // namespace

void add_task_operations(rpc::Router& router, TaskTable* tasks) {
  namespace service = v1::task_service;
  add<service::RunTask, TaskTable::run>(router, tasks);
  add<service::RenewTasks, TaskTable::renew>(router, tasks);
  add<service::CancelTask, TaskTable::cancel>(router, tasks);
  add<service::ProbeStore, TaskTable::probe>(router, tasks);
  add<service::ListStore, TaskTable::list>(router, tasks);
}

}  // namespace forebay::worker
