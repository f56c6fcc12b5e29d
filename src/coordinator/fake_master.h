// For tests: a master that has workers, and ends operations as the test says.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/check.h"
#include "forebay/v1/namespace.rpc.h"
#include "forebay/v1/persist.rpc.h"
#include "os/env.h"
#include "rpc/error_detail.h"
#include "rpc/server.h"

namespace forebay::coordinator {

// Speaks what a coordinator asks of a master, over a real server. On one executor.
class FakeMaster {
 public:
  FakeMaster(os::Env& env, const os::Address& at, async::Executor executor) : server_(env, router_, {}, {executor}, nullptr) {
    namespace names = v1::namespace_service;
    router_.handle<names::OpenSession>([this](rpc::Call, v1::OpenSessionRequest) {
      ++opened;
      return on_open_session();
    });
    router_.handle<names::GetWorkers>([this](rpc::Call, v1::Empty) { return on_get_workers(this); });
    router_.handle<v1::persist_service::FinishOperations>([this](rpc::Call call, v1::FinishOperationsRequest request) {
      sessions.push_back(call.context.session());
      return on_finish(this, std::move(request));
    });
    Result<os::Address> listening = server_.listen(at);
    FOREBAY_CHECK(listening, "the test's master can listen");
    address = *listening;
  }
  Task<void> stop() { return server_.stop(); }

  void add_worker(uint64_t worker) {
    v1::WorkerAddress& added = workers.emplace_back();
    added.set_worker(worker);
    added.set_address("worker-" + std::to_string(worker) + ":29999");
    added.set_live(true);
  }

  os::Address address;
  std::vector<v1::WorkerAddress> workers;
  std::vector<std::vector<uint64_t>> finished;  // the operations of each call
  int opened = 0;                               // sessions
  std::vector<uint64_t> sessions;               // under which each of them came
  std::deque<Status> refusals;                  // of the next operations that are ended, one each; then all are ended

 private:
  static Task<Result<rpc::Answer<v1::OpenSessionReply>>> on_open_session() {
    v1::OpenSessionReply reply;
    reply.set_session(1);
    reply.set_cluster("cluster-a");
    reply.set_lease_ms(60'000);
    co_return reply;
  }
  static Task<Result<rpc::Answer<v1::GetWorkersReply>>> on_get_workers(FakeMaster* self) {
    v1::GetWorkersReply reply;
    for (const v1::WorkerAddress& worker : self->workers) *reply.add_workers() = worker;
    co_return reply;
  }
  static Task<Result<rpc::Answer<v1::FinishOperationsReply>>> on_finish(FakeMaster* self, v1::FinishOperationsRequest request) {
    v1::FinishOperationsReply reply;
    std::vector<uint64_t>& call = self->finished.emplace_back();
    for (const v1::FinishOperationRequest& operation : request.operations()) {
      call.push_back(operation.operation());
      auto& answer = *reply.add_answers();
      if (self->refusals.empty()) {
        answer.mutable_reply()->set_result("stored");
        continue;
      }
      *answer.mutable_error() = rpc::to_detail(self->refusals.front());
      self->refusals.pop_front();
    }
    co_return reply;
  }

  rpc::Router router_;
  rpc::Server server_;
};

}  // namespace forebay::coordinator
