// What the engine's tests share: the parts below the operations, on a memory disk, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "forebay/v1/namespace.rpc.h"
#include "journal/local_journal.h"
#include "kv/memory_store.h"
#include "master/driver.h"
#include "master/schema.h"
#include "master/sessions/session_service.h"
#include "os/simulation.h"

namespace forebay::master {

namespace methods = v1::namespace_service;

class OneWorker : public Placer {
 public:
  Result<Placed> place(const v1::Placement& wanted) override { return Placed{.workers = {WorkerId{1}}, .bytes = wanted.bytes()}; }
  bool is_known(WorkerId worker) const override { return worker == WorkerId{1}; }
};

class CountedEvents : public MasterEvents {
 public:
  void call_finished(const rpc::Method&, Duration, const Status*, TraceId) override {}
  void connections_changed(int) override {}
  void batch_committed(size_t, size_t, Duration) override { ++batches; }
  void journal_synced(Duration) override { ++syncs; }
  void call_repeated() override { ++repeated; }
  void became_broken() override { ++broken; }
  void sessions_changed(size_t live) override { sessions = live; }
  void session_expired() override { ++expired; }
  void workers_changed(size_t, size_t) override {}
  void reclaimed(size_t inodes) override { reclaimed_inodes += inodes; }
  void persistence_counted(const v1::PersistStatusReply&, int64_t) override {}
  void compacted(uint64_t bytes) override { compacted_bytes += bytes; }
  size_t batches = 0, syncs = 0, repeated = 0, broken = 0, sessions = 0, expired = 0, reclaimed_inodes = 0;
  uint64_t compacted_bytes = 0;
};

inline constexpr Duration kPatience = std::chrono::seconds(5);

// start() builds the parts on what is on the disk, as a start of a master does; crash() is its death.
class EngineTest : public testing::Test {
 protected:
  ~EngineTest() override { stop(); }

  void start() {
    store_ = std::move(*disk_->open());
    journal_ = std::make_unique<journal::LocalJournal>(*store_, world_.executor());
    loop_ = std::make_unique<CommitLoop>(
        clock(), obs::null_log(), events_, *store_, *journal_, [](const kv::WriteBatch&) {}, CommitLoopConfig{},
        world_.executor());
    persistence_ = std::make_unique<Persistence>(*store_);
    table_ = std::make_unique<SessionTable>(clock(), table_config_);
    outcomes_ = std::make_unique<OutcomeTable>();
    router_ = std::make_unique<rpc::Router>();
    names_ = std::make_unique<NameLeases>(clock(), NameLeasesConfig{}, 1);
    driver_ = std::make_unique<Driver>(Driver::Parts{.router = *router_,
                                                     .loop = *loop_,
                                                     .store = *store_,
                                                     .clock = clock(),
                                                     .events = events_,
                                                     .sessions = *table_,
                                                     .outcomes = *outcomes_,
                                                     .placer = placer_,
                                                     .persistence = *persistence_,
                                                     .names = *names_});
    sessions_ = std::make_unique<SessionService>(
        SessionService::Parts{.loop = *loop_,
                              .store = *store_,
                              .clock = clock(),
                              .log = obs::null_log(),
                              .events = events_,
                              .table = *table_,
                              .outcomes = *outcomes_,
                              .placer = placer_,
                              .persistence = *persistence_,
                              .close_handle = [this](MutationContext& context, InodeId inode,
                                                     HandleId handle) { return close_handle(context, inode, handle); },
                              .cluster = "cluster",
                              .epoch = ++epoch_,
                              .lease = table_config_.lease},
        world_.executor());
    bind();
    sessions_->bind(*router_);
    ASSERT_TRUE(sessions_->load());
    loop_->start();
    sessions_->start();
  }
  virtual void bind() {}
  virtual Result<void> close_handle(MutationContext& context, InodeId inode, HandleId handle) {
    context.txn.erase(key::handle(inode, handle));
    context.txn.erase(key::session_handle(context.caller.session, handle));
    return {};
  }
  void stop() {
    if (loop_) world_.complete(stop_parts(this), std::chrono::seconds(60));
    sessions_.reset();
    driver_.reset();
    names_.reset();
    router_.reset();
    outcomes_.reset();
    table_.reset();
    loop_.reset();
    journal_.reset();
    store_.reset();
  }
  void crash() {
    disk_->crash();
    stop();
  }
  static Task<bool> stop_parts(EngineTest* test) {
    co_await test->sessions_->stop();
    co_await test->loop_->stop();
    co_return true;
  }
  os::Clock& clock() { return process_->env().clock; }

  rpc::Call call_of(SessionId session, uint64_t sequence) {
    rpc::Call call;
    call.context.set_session(session.value);
    call.context.set_sequence(sequence);
    call.deadline = clock().now() + kPatience;
    return call;
  }
  template <class M>
  static Task<void> run_call(const rpc::Router* router, rpc::Call call, typename M::Request request,
                             std::shared_ptr<std::optional<Result<typename M::Reply>>> slot) {
    Result<rpc::Router::Reply> raw =
        co_await router->find(M::kMethod.number)->invoke(std::move(call), request.SerializeAsString());
    if (!raw) {
      slot->emplace(std::unexpected(raw.error()));
      co_return;
    }
    typename M::Reply reply;
    EXPECT_TRUE(reply.ParseFromString(raw->message));
    slot->emplace(std::move(reply));
  }
  template <class M>
  std::shared_ptr<std::optional<Result<typename M::Reply>>> send(rpc::Call call, typename M::Request request) {
    auto slot = std::make_shared<std::optional<Result<typename M::Reply>>>();
    async::spawn_detached(world_.executor(), run_call<M>(router_.get(), std::move(call), std::move(request), slot));
    return slot;
  }
  template <class M>
  Result<typename M::Reply> call(rpc::Call call, typename M::Request request) {
    auto slot = send<M>(std::move(call), std::move(request));
    if (!world_.run_until([&] { return slot->has_value(); }, std::chrono::seconds(10))) return unknown_outcome("no answer");
    return std::move(**slot);
  }
  SessionId open_session(uint64_t nonce) {
    v1::OpenSessionRequest request;
    request.set_nonce(nonce);
    auto reply = call<methods::OpenSession>(call_of({}, 0), request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return SessionId{reply ? reply->session() : 0};
  }

  os::SimWorld world_{os::WorldConfig{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "master");
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  SessionTableConfig table_config_;
  uint64_t epoch_ = 0;
  OneWorker placer_;
  CountedEvents events_;
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<journal::LocalJournal> journal_;
  std::unique_ptr<Persistence> persistence_;
  std::unique_ptr<CommitLoop> loop_;
  std::unique_ptr<SessionTable> table_;
  std::unique_ptr<OutcomeTable> outcomes_;
  std::unique_ptr<rpc::Router> router_;
  std::unique_ptr<NameLeases> names_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<SessionService> sessions_;
};

}  // namespace forebay::master
