// The RPCs that a coordinator serves (proto/forebay/v1/coordinator.proto).
#pragma once

#include "coordinator/jobs/breakers.h"
#include "coordinator/jobs/job_table.h"
#include "coordinator/jobs/pace.h"
#include "coordinator/master_session.h"
#include "coordinator/worker_pool.h"
#include "forebay/v1/coordinator.rpc.h"
#include "forebay/v1/persist.rpc.h"
#include "rpc/server.h"

namespace forebay::coordinator {

// What the operations use; the coordinator's, outlives its server.
struct Operations {
  MasterSession& master;
  WorkerPool& workers;
  JobTable& jobs;
  const Breakers& breakers;
  const PaceCount& pace;
};

v1::Pace describe_pace(const Operations& with);

template <class Reply>
using Answered = Task<Result<rpc::Answer<Reply>>>;

Answered<v1::ListJobsReply> list_jobs(const Operations* with, rpc::Call call, v1::ListJobsRequest request);
Answered<v1::Job> stat_job(const Operations* with, rpc::Call call, v1::StatJobRequest request);
Answered<v1::CancelJobReply> cancel_job(const Operations* with, rpc::Call call, v1::CancelJobRequest request);
Answered<v1::Pace> get_pace(const Operations* with, rpc::Call call, v1::Empty request);
Answered<v1::GetWorkersReply> list_peers(const Operations* with, rpc::Call call, v1::Empty request);

// A worker's question, asked of the master as the coordinator's own, about the same operation.
template <class M>
Answered<typename M::Reply> forward(const Operations* with, rpc::Call call, typename M::Request request) {
  const TraceId trace = rpc::trace_of(call.context);
  Task<Result<typename M::Reply>> asking = with->master.call<M>(std::move(request), call.abandoned, trace);
  CO_ASSIGN_OR_RETURN(typename M::Reply reply, co_await std::move(asking));
  co_return rpc::Answer<typename M::Reply>(std::move(reply));
}

Result<void> check_superuser(const rpc::Call& call);

// All of the service, one line each. `with` outlives the router.
void add_operations(rpc::Router& router, const Operations* with);

}  // namespace forebay::coordinator
