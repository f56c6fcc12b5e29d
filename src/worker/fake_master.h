// For tests: a master that remembers what workers tell it, and tells them what the test says.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "forebay/v1/cluster.rpc.h"
#include "os/env.h"
#include "rpc/server.h"

namespace forebay::worker {

// Speaks ClusterService over a real server. On one executor.
class FakeMaster {
 public:
  FakeMaster(os::Env& env, const os::Address& at, async::Executor executor) : server_(env, router_, {}, {executor}, nullptr) {
    namespace service = v1::cluster_service;
    router_.handle<service::RegisterWorker>(
        [this](rpc::Call, v1::RegisterWorkerRequest request) { return on_register(this, std::move(request)); });
    router_.handle<service::ReportInventory>(
        [this](rpc::Call, v1::ReportInventoryRequest request) { return on_inventory(this, std::move(request)); });
    router_.handle<service::WorkerHeartbeat>(
        [this](rpc::Call, v1::WorkerHeartbeatRequest request) { return on_heartbeat(this, std::move(request)); });
    Result<os::Address> listening = server_.listen(at);
    FOREBAY_CHECK(listening, "the test's master can listen");
    address = *listening;
  }
  Task<void> stop() { return server_.stop(); }

  void tell_remove(uint64_t object) { duties[object].set_remove(true); }
  void tell_seal(uint64_t object, uint64_t length) { duties[object].set_seal(length); }

  os::Address address;
  std::string cluster = "cluster-a";
  bool leads = true;
  bool loses_heartbeat_replies = false;  // takes them, and fails to answer
  std::vector<v1::RegisterWorkerRequest> registrations;
  uint64_t registration = 100;                  // the valid one; counts up
  std::map<uint64_t, v1::StoredObject> stored;  // of complete inventories
  size_t pages = 0;
  bool complete = false;
  int heartbeats = 0;
  v1::WorkerHeartbeatRequest last;
  std::map<uint64_t, v1::Duty> duties;  // by object
  std::multiset<uint64_t> removed;
  std::map<uint64_t, v1::SealedByDuty> sealed;
  std::set<uint64_t> damaged;

 private:
  static Task<Result<rpc::Answer<v1::RegisterWorkerReply>>> on_register(FakeMaster* self, v1::RegisterWorkerRequest request) {
    if (!self->leads) co_return elsewhere("this master does not lead");
    self->registrations.push_back(request);
    self->complete = false;
    self->stored.clear();
    v1::RegisterWorkerReply reply;
    reply.set_worker(request.worker() != 0 ? request.worker() : 7);
    reply.set_cluster(self->cluster);
    reply.set_heartbeat_ms(500);
    reply.set_registration(++self->registration);
    co_return reply;
  }
  static Task<Result<rpc::Answer<v1::ReportInventoryReply>>> on_inventory(FakeMaster* self, v1::ReportInventoryRequest request) {
    if (!self->leads) co_return elsewhere("this master does not lead");
    if (request.registration() != self->registration) co_return stale("register again");
    ++self->pages;
    for (const v1::StoredObject& object : request.objects()) {
      if (object.object() < request.from() || object.object() >= request.to()) co_return invalid("an object outside of its page");
      self->stored[object.object()] = object;
    }
    self->complete = request.last();
    co_return v1::ReportInventoryReply();
  }
  static Task<Result<rpc::Answer<v1::WorkerHeartbeatReply>>> on_heartbeat(FakeMaster* self, v1::WorkerHeartbeatRequest request) {
    if (!self->leads) co_return elsewhere("this master does not lead");
    if (request.registration() != self->registration) co_return stale("register again");
    ++self->heartbeats;
    self->last = request;
    for (uint64_t object : request.removed()) {
      self->removed.insert(object);
      self->duties.erase(object);
    }
    for (const v1::SealedByDuty& done : request.sealed()) {
      self->sealed[done.object()] = done;
      self->duties.erase(done.object());
    }
    for (uint64_t object : request.damaged()) {
      self->damaged.insert(object);
      self->duties.erase(object);
    }
    if (self->loses_heartbeat_replies) co_return unknown_outcome("the reply is lost");
    v1::WorkerHeartbeatReply reply;
    for (auto& [object, duty] : self->duties) {
      if (reply.duties_size() == 1000) break;
      duty.set_object(object);
      *reply.add_duties() = duty;
    }
    reply.set_more(static_cast<size_t>(reply.duties_size()) < self->duties.size());
    co_return reply;
  }

  rpc::Router router_;
  rpc::Server server_;
};

}  // namespace forebay::worker
