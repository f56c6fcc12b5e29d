// A whole master on a simulated host, and callers that reach it through the network.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forebay/v1/admin.rpc.h"
#include "forebay/v1/cluster.rpc.h"
#include "forebay/v1/namespace.rpc.h"
#include "kv/memory_store.h"
#include "kv/store_contract.h"
#include "master/master.h"
#include "master/namespace/check.h"
#include "master/schema.h"
#include "os/simulation.h"
#include "rpc/channel.h"

namespace forebay::master {

namespace names = v1::namespace_service;
namespace clusters = v1::cluster_service;
namespace admins = v1::admin_service;

class MasterTest : public testing::Test {
 protected:
  MasterTest() {
    config_.listen = {address()};
    config_.version = "test";
    start();
  }
  ~MasterTest() override { stop(); }

  static os::Address address() { return {.host = "master", .port = 19998, .path = {}}; }

  Result<void> try_start() {
    process_ = world_.start_process("master", "master");
    master_ = std::make_unique<Master>(
        process_->env(), config_, [this] { return disk_->open(); }, world_.executor(), std::vector{world_.executor()}, *log_,
        no_events());
    client_process_ = world_.start_process("client", "client");
    channel_ = std::make_unique<rpc::Channel>(client_process_->env(), address(), rpc::ChannelConfig{}, world_.executor());
    return world_.complete(master_->start(), std::chrono::seconds(10)).value_or(unknown_outcome("start does not end"));
  }
  void start() {
    Result<void> started = try_start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void stop() {
    if (!master_) return;
    ASSERT_TRUE(world_.complete(stop_all(this), std::chrono::minutes(5)));
    channel_.reset();
    master_.reset();
  }
  static Task<bool> stop_all(MasterTest* test) {
    co_await test->channel_->stop();
    co_await test->master_->stop();
    co_return true;
  }
  void crash() {
    disk_->crash();
    process_->crash();
    stop();
  }
  void restart() {
    crash();
    start();
  }

  template <class M>
  Result<typename M::Reply> call(typename M::Request request, v1::RequestContext context = {}) {
    rpc::CallOptions options;
    options.context = std::move(context);
    auto received = world_.complete(channel_->call<M>(std::move(request), std::move(options)), std::chrono::minutes(1));
    if (!received) return unknown_outcome("no answer");
    if (!*received) return std::unexpected(received->error());
    return std::move((*received)->message);
  }
  template <class M>
  Result<typename M::Reply> change(typename M::Request request) {
    return call<M>(std::move(request), next_context());
  }
  v1::RequestContext next_context() {
    v1::RequestContext context;
    context.set_session(session_);
    context.set_sequence(++sequence_);
    return context;
  }
  void open_session(uint64_t nonce = 7) {
    v1::OpenSessionRequest request;
    request.set_nonce(nonce);
    auto reply = call<names::OpenSession>(request);
    ASSERT_TRUE(reply) << reply.error().to_string();
    session_ = reply->session();
    epoch_ = reply->master_epoch();
  }
  Result<v1::RenewSessionReply> renew(std::vector<uint64_t> reads = {}) {
    v1::RenewSessionRequest request;
    request.set_session(session_);
    request.set_known_epoch(epoch_);
    for (uint64_t inode : reads) request.add_open_reads(inode);
    auto reply = call<names::RenewSession>(request);
    if (reply) epoch_ = reply->master_epoch();
    return reply;
  }
  // Time passes, and the session lives on; it tells what it has open for reading since before the master's start.
  void pass(Duration time, std::vector<uint64_t> reads = {}) {
    for (Duration passed{}; passed < time; passed += std::chrono::seconds(1)) {
      world_.run_for(std::chrono::seconds(1));
      if (session_ != 0) ASSERT_TRUE(renew(reads));
      for (auto& [worker, registration] : workers_) ASSERT_TRUE(beat(worker));
    }
  }

  // -- a worker, by its messages --
  static v1::RegisterWorkerRequest registration(uint64_t worker, const std::string& cluster, uint64_t nonce,
                                                uint64_t available = uint64_t{1} << 40) {
    v1::RegisterWorkerRequest request;
    request.set_worker(worker);
    request.set_cluster(cluster);
    request.mutable_address()->set_address("worker" + std::to_string(nonce) + ":29999");
    request.mutable_address()->set_host_id("host" + std::to_string(nonce));
    request.set_start_nonce(nonce);
    v1::TierSpace& tier = *request.add_tiers();
    tier.set_alias("SSD");
    tier.set_quota_bytes(available);
    tier.set_available_bytes(available);
    return request;
  }
  uint64_t add_worker(uint64_t nonce, std::vector<v1::StoredObject> stored = {}, uint64_t id = 0) {
    auto reply = call<clusters::RegisterWorker>(registration(id, id == 0 ? "" : master_->cluster(), nonce));
    EXPECT_TRUE(reply) << reply.error().to_string();
    if (!reply) return 0;
    workers_[reply->worker()] = reply->registration();
    v1::ReportInventoryRequest page;
    page.set_worker(reply->worker());
    page.set_registration(reply->registration());
    page.mutable_objects()->Assign(stored.begin(), stored.end());
    page.set_to(UINT64_MAX);
    page.set_last(true);
    auto taken = call<clusters::ReportInventory>(page);
    EXPECT_TRUE(taken) << taken.error().to_string();
    return reply->worker();
  }
  Result<v1::WorkerHeartbeatReply> beat(uint64_t worker, v1::WorkerHeartbeatRequest request = {}) {
    request.set_worker(worker);
    request.set_registration(workers_[worker]);
    v1::TierSpace& tier = *request.add_tiers();
    tier.set_available_bytes(uint64_t{1} << 40);
    return call<clusters::WorkerHeartbeat>(request);
  }
  // Carries out every deletion that the master asks for, until it asks for none.
  size_t delete_all(uint64_t worker) {
    size_t deleted = 0;
    v1::WorkerHeartbeatRequest done;
    for (;;) {
      auto reply = beat(worker, done);
      EXPECT_TRUE(reply);
      done.Clear();
      if (!reply) return deleted;
      for (const v1::Duty& duty : reply->duties())
        if (duty.remove()) done.add_removed(duty.object());
      if (done.removed_size() == 0) return deleted;
      deleted += static_cast<size_t>(done.removed_size());
    }
  }

  // -- files --
  Result<v1::OpenReply> create(const std::string& name, uint64_t bytes = 0, uint64_t parent = 1) {
    v1::CreateRequest request;
    request.set_parent(parent);
    request.set_name(name);
    request.set_mode(0644);
    request.set_access(v1::ACCESS_WRITE);
    if (bytes != 0) request.mutable_placement()->set_bytes(bytes);
    return change<names::Create>(request);
  }
  Result<v1::CommitReply> commit(const v1::OpenReply& open, uint64_t bytes, bool close) {
    v1::CommitRequest request;
    request.set_handle(open.handle());
    if (bytes != 0) {
      v1::Extent& extent = *request.add_extents()->mutable_extent();
      extent.set_length(bytes);
      extent.set_object(open.grants(0).object());
    }
    if (close && bytes != 0) {
      v1::SealedObject& sealed = *request.add_sealed();
      sealed.set_object(open.grants(0).object());
      sealed.set_length(bytes);
    }
    request.set_close(close);
    return change<names::Commit>(request);
  }
  // A closed file of one object; its inode.
  uint64_t write_file(const std::string& name, uint64_t bytes, uint64_t parent = 1) {
    auto open = create(name, bytes, parent);
    EXPECT_TRUE(open) << open.error().to_string();
    if (!open) return 0;
    auto closed = commit(*open, bytes, true);
    EXPECT_TRUE(closed) << closed.error().to_string();
    return open->attr().inode();
  }
  uint64_t make_dir(const std::string& name, uint64_t parent = 1) {
    v1::MakeDirRequest request;
    request.set_parent(parent);
    request.set_name(name);
    request.set_mode(0755);
    auto reply = change<names::MakeDir>(request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply ? reply->attr().inode() : 0;
  }
  Result<v1::AttrReply> lookup(const std::string& name, uint64_t parent = 1) {
    v1::LookupRequest request;
    request.set_parent(parent);
    request.set_name(name);
    return call<names::Lookup>(request);
  }
  Result<v1::UnlinkReply> unlink(const std::string& name, uint64_t parent = 1) {
    v1::UnlinkRequest request;
    request.set_parent(parent);
    request.set_name(name);
    return change<names::Unlink>(request);
  }
  v1::ReportReply report() {
    auto reply = call<admins::Report>({});
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply.value_or(v1::ReportReply());
  }
  std::vector<std::string> problems() {
    std::vector<std::string> found;
    v1::FsckRequest request;
    do {
      auto reply = call<admins::Fsck>(request);
      EXPECT_TRUE(reply) << reply.error().to_string();
      if (!reply) return found;
      found.insert(found.end(), reply->problems().begin(), reply->problems().end());
      request.set_cursor(reply->cursor());
    } while (!request.cursor().empty());
    return found;
  }

  os::SimWorld world_{os::WorldConfig{}};
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  MasterConfig config_;
  obs::Log* log_ = &obs::null_log();
  std::shared_ptr<os::SimProcess> process_, client_process_;
  std::unique_ptr<Master> master_;
  std::unique_ptr<rpc::Channel> channel_;
  uint64_t session_ = 0, sequence_ = 0, epoch_ = 0;
  std::map<uint64_t, uint64_t> workers_;  // worker → its registration
};

}  // namespace forebay::master
