#include "coordinator/jobs/master_calls.h"

#include "forebay/v1/persist.rpc.h"
#include "rpc/error_detail.h"

namespace forebay::coordinator {

namespace {

namespace persists = v1::persist_service;

// Of a call that answers each item with a reply or an error.
template <class M, class Reply>
Task<Result<std::vector<Result<Reply>>>> ask(MasterSession* master, typename M::Request request, std::stop_token stop) {
  Task<Result<typename M::Reply>> calling = master->call<M>(std::move(request), stop);
  CO_ASSIGN_OR_RETURN(typename M::Reply reply, co_await std::move(calling));
  std::vector<Result<Reply>> each;
  for (auto& answer : *reply.mutable_answers()) {
    if (answer.has_reply())
      each.emplace_back(std::move(*answer.mutable_reply()));
    else
      each.emplace_back(std::unexpected(rpc::from_detail(answer.error())));
  }
  co_return each;
}

Task<Result<std::vector<Result<v1::StartIntentReply>>>> start_all(MasterSession* master, std::vector<v1::StartIntentRequest> all,
                                                                  std::stop_token stop) {
  v1::StartIntentsRequest request;
  for (v1::StartIntentRequest& one : all) *request.add_intents() = std::move(one);
  return ask<persists::StartIntents, v1::StartIntentReply>(master, std::move(request), std::move(stop));
}

Task<Result<std::vector<Result<v1::FinishOperationReply>>>> finish_all(MasterSession* master,
                                                                       std::vector<v1::FinishOperationRequest> all,
                                                                       std::stop_token stop) {
  v1::FinishOperationsRequest request;
  for (v1::FinishOperationRequest& one : all) *request.add_operations() = std::move(one);
  return ask<persists::FinishOperations, v1::FinishOperationReply>(master, std::move(request), std::move(stop));
}

Task<Result<std::vector<Result<v1::Layout>>>> read_layouts(MasterSession* master, std::vector<v1::GetUploadLayoutRequest> all,
                                                           std::stop_token stop) {
  v1::GetUploadLayoutsRequest request;
  for (v1::GetUploadLayoutRequest& one : all) *request.add_operations() = std::move(one);
  Task<Result<v1::GetUploadLayoutsReply>> calling = master->call<persists::GetUploadLayouts>(std::move(request), std::move(stop));
  CO_ASSIGN_OR_RETURN(v1::GetUploadLayoutsReply reply, co_await std::move(calling));
  std::vector<Result<v1::Layout>> each;
  for (v1::UploadLayout& answer : *reply.mutable_layouts()) {
    if (answer.has_layout())
      each.emplace_back(std::move(*answer.mutable_layout()));
    else
      each.emplace_back(std::unexpected(busy("it is not in this answer")));
  }
  co_return each;
}

}  // namespace

MasterCalls::MasterCalls(os::Env& env, MasterSession& master, const async::Executor& executor)
    : env_(env),
      starts_(executor, {}, [&master](auto all, std::stop_token stop) { return start_all(&master, std::move(all), stop); }),
      ends_(executor, {}, [&master](auto all, std::stop_token stop) { return finish_all(&master, std::move(all), stop); }),
      layouts_(executor, {}, [&master](auto all, std::stop_token stop) { return read_layouts(&master, std::move(all), stop); }) {}

Task<Result<v1::FinishOperationReply>> MasterCalls::finish(MasterCalls* self, v1::FinishOperationRequest request) {
  for (int attempt = 0;; ++attempt) {
    Task<Result<v1::FinishOperationReply>> asking = self->ends_.ask(request);
    Result<v1::FinishOperationReply> reply = co_await std::move(asking);
    if (reply || !reply.error().is(Code::kBusy)) co_return reply;
    Task<bool> sleeping =
        self->env_.clock.sleep(MasterSession::kPause.pause(attempt, self->env_.random), self->stop_.get_token());
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return cancelled("the coordinator stops");
  }
}

Task<void> MasterCalls::stop() {
  stop_.request_stop();
  co_await starts_.stop();
  co_await ends_.stop();
  co_await layouts_.stop();
}

}  // namespace forebay::coordinator
