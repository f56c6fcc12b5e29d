// Ways from a worker's tasks to other workers and to coordinators.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/ids.h"
#include "forebay/v1/coordinator.rpc.h"
#include "forebay/v1/worker.rpc.h"
#include "os/env.h"
#include "rpc/channel.h"
#include "rpc/traced.h"

namespace forebay::worker {

// Channels, made on first use, at most 1,024. Where workers are is asked of the task's coordinator when it is not known, or when
// the one known does not answer. Every call is one attempt, with
// the trace of the operation that it is for. Owned by the worker's tasks; Env outlives it. On one executor.
class Peers {
 public:
  Peers(os::Env& env, async::Executor executor) : env_(env), executor_(std::move(executor)) {}

  template <class M>
  Task<Result<typename M::Reply>> ask(std::string coordinator, typename M::Request request, std::stop_token stop, TraceId trace) {
    CO_ASSIGN_OR_RETURN(rpc::Channel * channel, channel_to(coordinator));
    rpc::CallOptions options{.context = rpc::traced(trace)};
    options.stop = std::move(stop);
    Task<Result<rpc::Received<typename M::Reply>>> calling = channel->call<M>(std::move(request), std::move(options));
    Result<rpc::Received<typename M::Reply>> reply = co_await std::move(calling);
    if (!reply) co_return std::unexpected(std::move(reply).error().with_context("coordinator " + coordinator));
    co_return std::move(reply->message);
  }
  template <class M>
  Task<Result<rpc::Received<typename M::Reply>>> call_worker(std::string coordinator, WorkerId worker,
                                                             typename M::Request request, std::stop_token stop, TraceId trace) {
    Task<Result<rpc::Channel*>> finding = worker_channel(std::move(coordinator), worker, stop, trace);
    CO_ASSIGN_OR_RETURN(rpc::Channel * channel, co_await std::move(finding));
    rpc::CallOptions options{.context = rpc::traced(trace)};
    options.stop = std::move(stop);
    Task<Result<rpc::Received<typename M::Reply>>> calling = channel->call<M>(std::move(request), std::move(options));
    Result<rpc::Received<typename M::Reply>> reply = co_await std::move(calling);
    if (!reply && (reply.error().is(Code::kUnknown) || reply.error().is_errno(EHOSTUNREACH))) places_.erase(worker);
    co_return reply;
  }
  Task<void> stop();

 private:
  Result<rpc::Channel*> channel_to(const std::string& address);
  Task<Result<rpc::Channel*>> worker_channel(std::string coordinator, WorkerId worker, std::stop_token stop, TraceId trace);

  os::Env& env_;
  const async::Executor executor_;
  std::map<std::string, std::unique_ptr<rpc::Channel>> channels_;  // by address
  std::map<WorkerId, std::string> places_;
};

}  // namespace forebay::worker
