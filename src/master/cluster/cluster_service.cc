#include "master/cluster/cluster_service.h"

#include <algorithm>
#include <span>

#include "master/cluster/copies.h"
#include "master/numbers.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

template <class T>
std::span<const T> part_of(const std::vector<T>& all, size_t from, size_t most) {
  from = std::min(from, all.size());
  return std::span(all).subspan(from, std::min(most, all.size() - from));
}

}  // namespace

ClusterService::ClusterService(os::Env& env, obs::Log& log, const kv::Reader& store, CommitLoop& loop, ScanStarts& starts,
                               WorkerTable& table, MasterEvents& events, std::string cluster_id, ClusterConfig config)
    : env_(env),
      log_(log),
      store_(store),
      loop_(loop),
      starts_(starts),
      table_(table),
      events_(events),
      cluster_id_(std::move(cluster_id)),
      config_(config) {}

Result<void> ClusterService::load() {
  std::string prefix = "M";
  std::vector<std::string> keys;
  TRY(store_.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(std::optional<v1::WorkerRecord> record, read_record<v1::WorkerRecord>(store_, key));
    if (record) table_.load(WorkerId{read_big_endian(std::string_view(key).substr(1))}, *record);
  }
  return {};
}

void ClusterService::serve(rpc::Router& router) {
  namespace service = v1::cluster_service;
  router.handle<service::RegisterWorker>([this](rpc::Call call, v1::RegisterWorkerRequest request) {
    return register_worker(this, std::move(call), std::move(request));
  });
  router.handle<service::ReportInventory>([this](rpc::Call call, v1::ReportInventoryRequest request) {
    return report_inventory(this, std::move(call), std::move(request));
  });
  router.handle<service::WorkerHeartbeat>([this](rpc::Call call, v1::WorkerHeartbeatRequest request) {
    return heartbeat(this, std::move(call), std::move(request));
  });
}

Result<void> ClusterService::check_identity(const v1::RegisterWorkerRequest& request) const {
  if (request.start_nonce() == 0 || request.address().address().empty())
    return invalid("a worker registers without a nonce or an address");
  if (!request.cluster().empty() && request.cluster() != cluster_id_) {
    return invalid("worker at " + request.address().address() + " holds data of cluster " + request.cluster() +
                   ", this is cluster " + cluster_id_ + ": give it an empty directory, or the address of its own master");
  }
  if (request.worker() == 0) return {};
  if (request.cluster().empty()) return invalid("worker " + std::to_string(request.worker()) + " registers without a cluster id");
  ASSIGN_OR_RETURN(std::optional<std::string> known, store_.get(key::worker(WorkerId{request.worker()})));
  if (!known) {
    // Its objects would all be unknown, and be deleted: more likely this master's metadata is older than the worker's data.
    return invalid("worker " + std::to_string(request.worker()) + " at " + request.address().address() +
                   " belongs to this cluster, but the metadata does not know it: is it an old backup? Nothing was deleted");
  }
  return {};
}

Task<ClusterService::Registered> ClusterService::register_worker(ClusterService* self, rpc::Call call,
                                                                 v1::RegisterWorkerRequest request) {
  CO_TRY(self->check_identity(request));
  WorkerId worker{request.worker()};
  if (!worker) worker = self->table_.registered_with(request.start_nonce()).value_or(WorkerId{});
  CO_TRY(self->table_.check_registration(worker, request));
  struct Numbers {
    WorkerId worker;
    uint64_t first_new_object;
  };
  auto record_worker = [self, worker, &request](kv::Txn& txn) -> Result<Numbers> {
    Numbers numbers{worker, 0};
    if (!worker) {
      ASSIGN_OR_RETURN(numbers.worker.value, next_number(txn, "worker"));
    }
    ASSIGN_OR_RETURN(numbers.first_new_object, coming_number(txn, "object"));
    v1::WorkerRecord record;
    *record.mutable_address() = request.address();
    record.mutable_address()->set_worker(numbers.worker.value);
    record.set_registered_ns(os::unix_nanos(self->env_.clock.wall_now()));
    record.set_start_nonce(request.start_nonce());
    write_record(txn, key::worker(numbers.worker), record);
    return numbers;
  };
  // A worker keeps its id in its own store, so the id has to be safe here first.
  Result<Numbers> numbers = co_await self->loop_.run(record_worker, Level::kSynced, call.deadline);
  if (!numbers) co_return std::unexpected(std::move(numbers).error());
  uint64_t registration = self->env_.random.next() | 1;
  self->table_.registered(numbers->worker, request, registration, numbers->first_new_object);
  self->count_workers();
  self->log_.info("worker registered", {{"worker", numbers->worker.value}, {"address", request.address().address()}});
  v1::RegisterWorkerReply reply;
  reply.set_worker(numbers->worker.value);
  reply.set_cluster(self->cluster_id_);
  reply.set_heartbeat_ms(
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(self->config_.heartbeat).count()));
  reply.set_registration(registration);
  co_return reply;
}

Task<ClusterService::Inventoried> ClusterService::report_inventory(ClusterService* self, rpc::Call call,
                                                                   v1::ReportInventoryRequest request) {
  WorkerId worker{request.worker()};
  CO_ASSIGN_OR_RETURN(uint64_t first_new, self->table_.first_new_object(worker, request.registration()));
  if (static_cast<size_t>(request.objects_size()) > self->config_.max_inventory_page) {
    co_return invalid("an inventory page of " + std::to_string(request.objects_size()) + " objects");
  }
  if (!std::ranges::is_sorted(request.objects(), {}, &v1::StoredObject::object))
    co_return invalid("an inventory page out of order");
  Task<Result<void>> comparing = compare_page(self, worker, &request, first_new, call.deadline);
  CO_TRY(co_await std::move(comparing));
  if (request.last()) {
    self->table_.inventory_complete(worker);
    self->count_workers();
    self->log_.info("worker live", {{"worker", worker.value}});
  }
  co_return v1::ReportInventoryReply{};
}

// Beside the commit loop, which gets what differs, in steps.
Task<Result<void>> ClusterService::compare_page(ClusterService* self, WorkerId worker, const v1::ReportInventoryRequest* page,
                                                uint64_t first_new, os::Instant deadline) {
  for (std::optional<uint64_t> from = page->from(); from;) {
    const size_t most = self->config_.max_inventory_page;
    auto compare = [&] { return compare_inventory(self->store_, worker, *page, *from, first_new, most); };
    CO_ASSIGN_OR_RETURN(const InventoryDifferences found, co_await async::run_blocking(self->env_.blocking, compare));
    const size_t step = self->config_.inventory_step, all = std::max(found.stored.size(), found.unlisted.size());
    for (size_t at = 0; at < all; at += step) {
      auto take = [&, at](kv::Txn& txn) {
        return take_differences(txn, worker, part_of(found.stored, at, step), part_of(found.unlisted, at, step));
      };
      Result<InventoryOutcome> outcome = co_await self->loop_.run(take, Level::kAppended, deadline);
      if (!outcome) co_return std::unexpected(std::move(outcome).error());
      for (ObjectId object : outcome->missing) self->table_.suspect(worker, object);
    }
    from = found.next;
  }
  co_return Result<void>{};
}

Task<ClusterService::Beaten> ClusterService::heartbeat(ClusterService* self, rpc::Call call, v1::WorkerHeartbeatRequest request) {
  WorkerId worker{request.worker()};
  CO_TRY(self->table_.heartbeat(worker, request.registration(), request));
  if (says_anything(request)) {
    auto take = [worker, &request](kv::Txn& txn) { return take_done(txn, worker, request); };
    Result<void> taken = co_await self->loop_.run(take, Level::kAppended, call.deadline);
    if (!taken) co_return std::unexpected(std::move(taken).error());
    for (uint64_t damaged : request.damaged()) {
      self->log_.warning("copy damaged or gone", {{"worker", worker.value}, {"object", damaged}});
    }
  }
  v1::WorkerHeartbeatReply reply;
  CO_ASSIGN_OR_RETURN(bool more, list_duties(self->store_, self->starts_, worker, self->config_.max_duties, reply));
  for (ObjectId object :
       self->table_.take_suspects(worker, self->config_.max_duties - static_cast<size_t>(reply.duties_size()))) {
    v1::Duty& duty = *reply.add_duties();
    duty.set_object(object.value);
    duty.set_check(true);
  }
  if (reply.duties_size() > 0) {
    // A worker acts on a duty for good. Power loss must not bring back a state in which the object is still wanted.
    auto nothing = [](kv::Txn&) -> Result<void> { return {}; };
    Result<void> synced = co_await self->loop_.run(nothing, Level::kSynced, call.deadline);
    if (!synced) co_return std::unexpected(std::move(synced).error());
  }
  reply.set_more(more && says_anything(request));  // at once only when the last ones were worked off
  co_return reply;
}

void ClusterService::count_workers() {
  WorkerTable::Counts counts = table_.counts();
  events_.workers_changed(counts.live, counts.lost);
}

}  // namespace forebay::master
