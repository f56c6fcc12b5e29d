#include "master/master.h"

#include <algorithm>
#include <utility>

#include "forebay/v1/namespace.rpc.h"
#include "forebay/v1/persist.rpc.h"
#include "journal/local_journal.h"
#include "master/extents/handles.h"
#include "master/extents/inline.h"
#include "master/format.h"
#include "master/numbers.h"
#include "master/ops/ops.h"
#include "master/persist/service.h"

namespace forebay::master {
namespace {

namespace names = v1::namespace_service;

// The handle of an open for reading. Registered on the commit loop, so that a removal that comes later knows of it.
Result<v1::OpenReply> with_read_handle(SessionTable& sessions, SessionId session, uint64_t sequence,
                                       Result<v1::OpenReply> reply) {
  if (!reply || reply->handle() != 0) return reply;
  if (!session || sequence == 0) return invalid("opening needs a session, and a sequence number from 1 on");
  const HandleId handle = read_handle(sequence);
  TRY(sessions.open_read(session, handle, InodeId{reply->attr().inode()}));
  reply->set_handle(handle.value);
  return reply;
}

uint64_t bytes_of(const v1::CommitRequest& request) {
  uint64_t bytes = 0;
  for (const v1::NewExtent& added : request.extents()) bytes += added.extent().length();
  return bytes;
}

bool changes_something(const v1::OpenRequest& request) { return request.access() != v1::ACCESS_READ || request.truncate(); }

}  // namespace

Master::Master(os::Env& env, MasterConfig config, OpenStore open_store, async::Executor commit,
               std::vector<async::Executor> executors, obs::Log& log, MasterEvents& events)
    : env_(env),
      config_(std::move(config)),
      open_store_(std::move(open_store)),
      commit_executor_(std::move(commit)),
      executors_(std::move(executors)),
      log_(log),
      events_(events),
      call_log_(log, env.clock, &events,
                {.waits = {v1::persist_service::NextFetches::kMethod.number, v1::persist_service::NextIntents::kMethod.number}}),
      session_table_(env.clock, config_.sessions),
      worker_table_(env.clock, config_.workers) {}

Master::~Master() = default;

Task<Result<void>> Master::start() {
  CO_TRY(co_await open());
  build();
  CO_TRY(load());
  // The leases that a master before this one gave are over then.
  co_await env_.clock.sleep_until(opened_ + kLongestWait, {});
  loop_->start();
  sessions_->start();
  worker_watch_->start();
  reclaimer_->start();
  evictor_->start();
  intake_->start();
  expiry_->start();
  started_ = true;
  CO_TRY(co_await mapping_watch_->start());
  census_->start();
  CO_TRY(listen());
  log_.info("the master serves", {{"cluster", cluster_}, {"address", addresses_.empty() ? "" : addresses_.front().to_string()}});
  co_return Result<void>{};
}

Task<void> Master::stop() {
  if (fetch_queue_) fetch_queue_->stop();
  if (intent_queue_) intent_queue_->stop();
  if (server_) co_await server_->stop();
  if (started_) {
    co_await census_->stop();
    co_await mapping_watch_->stop();
    co_await expiry_->stop();
    co_await intake_->stop();
    co_await evictor_->stop();
    co_await reclaimer_->stop();
    co_await worker_watch_->stop();
    co_await sessions_->stop();
    co_await loop_->stop();
  }
  server_.reset();
  census_.reset();
  mapping_watch_.reset();
  admin_.reset();
  worker_watch_.reset();
  cluster_service_.reset();
  sessions_.reset();
  driver_.reset();
  intake_.reset();
  expiry_.reset();
  evictor_.reset();
  reclaimer_.reset();
  loop_.reset();
  names_.reset();
  fetch_queue_.reset();
  intent_queue_.reset();
  persistence_.reset();
  journal_.reset();
  // Closing writes what the store still holds in memory.
  auto close = [this] {
    store_.reset();
    return true;
  };
  co_await async::run_blocking(env_.blocking, close);
}

Task<Result<void>> Master::open() {
  auto open = [this]() -> Result<void> {
    ASSIGN_OR_RETURN(store_, open_store_());
    ASSIGN_OR_RETURN(cluster_, open_format(*store_, env_.random, env_.clock.wall_now(), env_.host_id));
    return skip_lost_numbers(*store_, env_.host_id);
  };
  CO_TRY(co_await async::run_blocking(env_.blocking, open));
  opened_ = env_.clock.now();
  co_return Result<void>{};
}

void Master::build() {
  persistence_ = std::make_unique<Persistence>(*store_, config_.persistence);
  journal_ = std::make_unique<journal::LocalJournal>(*store_, env_.blocking);
  fetch_queue_ = std::make_unique<FetchQueue>(*store_, env_.clock);
  names_ = std::make_unique<NameLeases>(env_.clock, config_.names, env_.random.next());
  intent_queue_ = std::make_unique<IntentQueue>(*store_, env_.clock);
  auto committed = [this](const kv::WriteBatch& batch) {
    scan_starts_.look(batch);
    reclaimer_->look(batch);
    fetch_queue_->look(batch);
    intent_queue_->look(batch);
    for (const kv::WriteBatch::Change& change : batch.changes())
      if (change.key == key::inline_bytes() && change.value) events_.inline_changed(read_big_endian(*change.value));
  };
  loop_ =
      std::make_unique<CommitLoop>(env_.clock, log_, events_, *store_, *journal_, committed, config_.commit, commit_executor_);
  reclaimer_ = std::make_unique<Reclaimer>(Reclaimer::Parts{.loop = *loop_,
                                                            .store = *store_,
                                                            .clock = env_.clock,
                                                            .log = log_,
                                                            .events = events_,
                                                            .placer = worker_table_,
                                                            .persistence = *persistence_,
                                                            .open_reads = session_table_,
                                                            .starts = scan_starts_,
                                                            .blocking = env_.blocking},
                                           config_.reclaim, executors_.front());
  intake_ = std::make_unique<Intake>(Intake::Parts{.workers = worker_table_,
                                                   .store = *store_,
                                                   .starts = scan_starts_,
                                                   .clock = env_.clock,
                                                   .log = log_,
                                                   .events = events_,
                                                   .blocking = env_.blocking},
                                     config_.intake, executors_.front());
  evictor_ = std::make_unique<Evictor>(Evictor::Parts{.loop = *loop_,
                                                      .store = *store_,
                                                      .clock = env_.clock,
                                                      .log = log_,
                                                      .events = events_,
                                                      .workers = worker_table_,
                                                      .persistence = *persistence_,
                                                      .open_reads = session_table_,
                                                      .accesses = accesses_,
                                                      .blocking = env_.blocking},
                                       config_.evict, executors_.front());
  expiry_ = std::make_unique<Expiry>(Expiry::Parts{.loop = *loop_,
                                                   .store = *store_,
                                                   .clock = env_.clock,
                                                   .log = log_,
                                                   .placer = worker_table_,
                                                   .persistence = *persistence_,
                                                   .open_reads = session_table_,
                                                   .names = *names_},
                                     config_.expiry, executors_.front());
  driver_ = std::make_unique<Driver>(Driver::Parts{.router = router_,
                                                   .loop = *loop_,
                                                   .store = *store_,
                                                   .clock = env_.clock,
                                                   .events = events_,
                                                   .sessions = session_table_,
                                                   .outcomes = outcomes_,
                                                   .placer = *intake_,
                                                   .persistence = *persistence_,
                                                   .names = *names_,
                                                   .default_durability = config_.durability});
  sessions_ =
      std::make_unique<SessionService>(SessionService::Parts{.loop = *loop_,
                                                             .store = *store_,
                                                             .clock = env_.clock,
                                                             .log = log_,
                                                             .events = events_,
                                                             .table = session_table_,
                                                             .outcomes = outcomes_,
                                                             .placer = worker_table_,
                                                             .persistence = *persistence_,
                                                             .close_handle = close_handle,
                                                             .cluster = cluster_,
                                                             .epoch = env_.random.next() | 1,
                                                             .lease = config_.sessions.lease,
                                                             .inline_max = std::min(config_.inline_max, kMaxInlineContent),
                                                             .intake = intake_.get()},
                                       executors_.front());
  cluster_service_ = std::make_unique<ClusterService>(env_, log_, *store_, *loop_, scan_starts_, worker_table_, events_, cluster_,
                                                      config_.cluster);
  worker_watch_ = std::make_unique<WorkerWatch>(WorkerWatch::Parts{.store = *store_,
                                                                   .clock = env_.clock,
                                                                   .log = log_,
                                                                   .events = events_,
                                                                   .table = worker_table_,
                                                                   .interval = config_.cluster.heartbeat},
                                                executors_.front());
  admin_ = std::make_unique<AdminService>(AdminService::Parts{.loop = *loop_,
                                                              .store = *store_,
                                                              .clock = env_.clock,
                                                              .sessions = session_table_,
                                                              .workers = worker_table_,
                                                              .intake = *intake_,
                                                              .blocking = env_.blocking,
                                                              .cluster = cluster_,
                                                              .version = config_.version,
                                                              .started = env_.clock.now()});
  mapping_watch_ = std::make_unique<MappingWatch>(MappingWatch::Parts{.env = env_,
                                                                      .loop = *loop_,
                                                                      .store = *store_,
                                                                      .placer = worker_table_,
                                                                      .open_reads = session_table_,
                                                                      .persistence = *persistence_,
                                                                      .names = *names_,
                                                                      .log = log_},
                                                  config_.mapping, executors_.front());
  census_ = std::make_unique<Census>(env_, *store_, events_, log_, config_.persist_census, executors_.front());
  bind_operations();
  mapping_watch_->bind(router_);
  fetch_queue_->bind(router_);
  intent_queue_->bind(router_);
  sessions_->bind(router_);
  cluster_service_->serve(router_);
  worker_watch_->bind(router_);
  admin_->bind(router_);
}

void Master::bind_operations() {
  driver_->query<names::Lookup>(ops::lookup);
  driver_->query<names::Resolve>(ops::resolve);
  driver_->query<names::GetAttr>(ops::get_attr);
  driver_->query<names::ReadDir>(ops::read_dir);
  driver_->query<names::GetLayout>(ops::get_layout);
  driver_->mutation<names::SetAttr>(ops::set_attr);
  driver_->query<names::GetXattr>(ops::get_xattr);
  driver_->query<names::ListXattrs>(ops::list_xattrs);
  driver_->mutation<names::SetXattr>(ops::set_xattr);
  driver_->mutation<names::RemoveXattr>(ops::remove_xattr);
  driver_->mutation<names::MakeDir>(ops::make_dir);
  driver_->mutation<names::MakeNode>(ops::make_node);
  driver_->mutation<names::MakeSymlink>(ops::make_symlink);
  driver_->mutation<names::Link>(ops::link);
  driver_->mutation<names::Unlink>(ops::unlink);
  driver_->mutation<names::RemoveDir>(ops::remove_dir);
  driver_->mutation<names::RemoveTree>(ops::remove_tree);
  driver_->mutation<names::Rename>(ops::rename);
  driver_->mutation<names::Allocate>(ops::allocate);
  driver_->mutation<names::CloseWrite>(ops::close_write);
  driver_->mutation<names::PutMany>(ops::put_many);
  driver_->query<names::LookupMany>(ops::lookup_many);
  driver_->mutation<names::UnlinkMany>(ops::unlink_many);
  driver_->mutation<names::Fallocate>(ops::fallocate);
  driver_->mutation<names::CreateUnnamed>(ops::create_unnamed);
  driver_->mutation<names::Restore>(ops::restore);
  driver_->mutation<names::Free>([this](MutationContext& context, const v1::FreeRequest& request) {
    Result<v1::FreeReply> reply = ops::free(context, request);
    if (reply) events_.evicted(reply->bytes());
    return reply;
  });
  driver_->mutation<names::SetPinned>(ops::set_pinned);
  driver_->mutation<names::SetTtl>(ops::set_ttl);
  driver_->mutation<names::Commit>([this](MutationContext& context, const v1::CommitRequest& request) {
    Result<v1::CommitReply> reply = ops::commit(context, request);
    if (reply && request.same_bytes_at_layout() != 0) events_.compacted(bytes_of(request));
    return reply;
  });
  bind_persist(*driver_, *mapping_watch_, OperationLog(log_, cluster_));
  driver_->mutation<names::Create>([this](MutationContext& context, const v1::CreateRequest& request) {
    return with_read_handle(session_table_, context.caller.session, context.sequence, ops::create(context, request));
  });
  driver_->mutation_or_ordered<names::Open>(
      changes_something, ops::open_write, [this](QueryContext& context, const v1::OpenRequest& request) {
        accesses_.note(InodeId{request.inode()}, os::unix_nanos(context.now));
        return with_read_handle(session_table_, context.caller.session, context.sequence, ops::open_read(context, request));
      });
}

Result<void> Master::load() {
  ASSIGN_OR_RETURN(const uint64_t kept_inline, inline_bytes(*store_));
  events_.inline_changed(kept_inline);
  TRY(sessions_->load());
  return cluster_service_->load();
}

Result<void> Master::listen() {
  server_ = std::make_unique<rpc::Server>(env_, router_, config_.server, executors_, &call_log_);
  for (const os::Address& address : config_.listen) {
    ASSIGN_OR_RETURN(os::Address real, server_->listen(address));
    addresses_.push_back(std::move(real));
  }
  return {};
}

Result<void> Master::accepts_changes() const {
  if (!loop_) return cancelled("the master is not started");
  TRY(loop_->state());
  return store_->accepts_writes();
}

}  // namespace forebay::master
