#include "master/sessions/session_service.h"

#include <utility>
#include <vector>

#include "forebay/v1/namespace.rpc.h"
#include "forebay/v1/records.pb.h"
#include "master/answers.h"
#include "master/numbers.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

namespace service = v1::namespace_service;

constexpr size_t kHandlesPerStep = 32;
constexpr size_t kMaxClientName = 256;  // bytes; it is for people

Task<Result<v1::Empty>> emptied(Task<Result<void>> running) {
  Result<void> done = co_await std::move(running);
  if (!done) co_return std::unexpected(std::move(done).error());
  co_return v1::Empty();
}

}  // namespace

Result<void> SessionService::load() {
  std::optional<Status> failure;
  TRY(parts_.store.scan("S", kv::prefix_end("S"), [&](std::string_view key, std::string_view value) {
    v1::SessionRecord record;
    if (key.size() != 9 || !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    parts_.table.load(SessionId{read_big_endian(key.substr(1))}, record.nonce());
    return true;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  parts_.events.sessions_changed(parts_.table.size());
  return {};
}

void SessionService::bind(rpc::Router& router) {
  router.handle<service::OpenSession>(
      [this](rpc::Call call, v1::OpenSessionRequest request) { return answered(open(std::move(request), call.deadline)); });
  router.handle<service::RenewSession>([this](rpc::Call, v1::RenewSessionRequest request) { return ready(renew(request)); });
  router.handle<service::CloseSession>([this](rpc::Call call, v1::CloseSessionRequest request) {
    return answered(emptied(end(SessionId{request.session()}, call.deadline)));
  });
  router.handle<service::CloseRead>([this](rpc::Call call, v1::CloseReadRequest request) {
    parts_.table.close_reads(SessionId{call.context.session()},
                             {request.handles().data(), static_cast<size_t>(request.handles_size())});
    return ready(Result<v1::Empty>());
  });
}

Task<Result<v1::OpenSessionReply>> SessionService::open(v1::OpenSessionRequest request, os::Instant deadline) {
  auto step = [this, &request](kv::Txn& txn) { return create(txn, request); };
  // Synced: were it forgotten, its number would be given to another client, whose calls would then be answered as if they were
  // this one's.
  Result<SessionId> session = co_await parts_.loop.run(step, Level::kSynced, deadline);
  if (!session) {
    // The step may have run and its batch failed: then the table knows a session that the journal does not.
    if (const std::optional<SessionId> added = parts_.table.find(request.nonce())) {
      Result<std::optional<std::string>> record = parts_.store.get(key::session(*added));
      if (record && !*record) parts_.table.forget(*added);
    }
    co_return std::unexpected(std::move(session).error());
  }
  parts_.events.sessions_changed(parts_.table.size());
  v1::OpenSessionReply reply;
  reply.set_session(session->value);
  reply.set_inline_max(static_cast<uint32_t>(parts_.inline_max));
  reply.set_lease_ms(static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(parts_.lease).count()));
  reply.set_cluster(parts_.cluster);
  reply.set_master_epoch(parts_.epoch);
  co_return reply;
}

Result<SessionId> SessionService::create(kv::Txn& txn, const v1::OpenSessionRequest& request) {
  if (request.nonce() == 0) return invalid("a session needs a nonce");
  if (request.client().size() > kMaxClientName || request.host_id().size() > kMaxClientName)
    return invalid("the name of a client has at most 256 bytes");
  if (const std::optional<SessionId> known = parts_.table.find(request.nonce())) {
    TRY(parts_.table.renew(*known));
    return *known;
  }
  if (parts_.table.is_full()) return busy("the master has as many sessions as it takes");
  ASSIGN_OR_RETURN(const uint64_t id, next_number(txn, "session"));
  v1::SessionRecord record;
  record.set_client(request.client());
  record.set_host_id(request.host_id());
  record.set_nonce(request.nonce());
  record.set_opened_ns(os::unix_nanos(parts_.clock.wall_now()));
  write_record(txn, key::session(SessionId{id}), record);
  parts_.table.add(SessionId{id}, request.nonce());
  return SessionId{id};
}

Result<v1::RenewSessionReply> SessionService::renew(const v1::RenewSessionRequest& request) {
  const SessionId session{request.session()};
  if (request.state().size() > kMaxClientName) return invalid("what a client says of itself has at most 256 bytes");
  TRY(parts_.table.renew(session));
  parts_.table.describe(session, request.state());
  if (request.known_epoch() == parts_.epoch)
    TRY(parts_.table.tell_open_reads(session, {request.open_reads().data(), static_cast<size_t>(request.open_reads_size())}));
  v1::RenewSessionReply reply;
  const uint64_t waited_ms = parts_.table.note_waited(session, request.slowed_ms());
  if (parts_.intake != nullptr) reply.set_intake(parts_.intake->renewed(session, waited_ms));
  reply.set_master_epoch(parts_.epoch);
  return reply;
}

Task<Result<void>> SessionService::end(SessionId session, os::Instant deadline) {
  if (!parts_.table.begin_end(session)) {
    if (parts_.table.knows(session)) co_return busy("session " + to_string(session) + " is being ended");
    co_return Result<void>{};
  }
  Result<void> ended = co_await end_marked(session, deadline);
  if (!ended) parts_.table.abandon_end(session);
  co_return ended;
}

Task<Result<void>> SessionService::end_marked(SessionId session, os::Instant deadline) {
  for (bool more = true; more;) {
    auto close = [this, session](kv::Txn& txn) { return close_some(txn, session); };
    CO_ASSIGN_OR_RETURN(more, co_await parts_.loop.run(close, Level::kAppended, deadline));
  }
  auto erase = [this, session](kv::Txn& txn) -> Result<void> {
    txn.erase(key::session(session));
    return parts_.outcomes.forget(txn, session);
  };
  CO_TRY(co_await parts_.loop.run(erase, Level::kAppended, deadline));
  parts_.table.forget(session);
  parts_.events.sessions_changed(parts_.table.size());
  co_return Result<void>{};
}

// True: there may be more.
Result<bool> SessionService::close_some(kv::Txn& txn, SessionId session) {
  struct Open {
    HandleId handle;
    InodeId inode;
  };
  std::vector<Open> open;
  std::optional<Status> failure;
  const std::string prefix = key::numbers('h', session.value);
  TRY(txn.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    if (key.size() != 17 || value.size() != 8) {
      failure = corrupt_record(key);
      return false;
    }
    open.push_back({HandleId{read_big_endian(key.substr(9))}, InodeId{read_big_endian(value)}});
    return open.size() < kHandlesPerStep;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  const Caller caller{.session = session};
  MutationContext context{txn, caller, parts_.clock.wall_now(), parts_.placer, parts_.table, parts_.persistence};
  for (const Open& each : open) TRY(parts_.close_handle(context, each.inode, each.handle));
  return open.size() == kHandlesPerStep;
}

Task<void> SessionService::end_expired(SessionService* service, std::stop_token stop) {
  const Duration interval = service->parts_.lease / 10;
  while (co_await service->parts_.clock.sleep(interval, stop))
    for (SessionId session : service->parts_.table.expired()) {
      if (stop.stop_requested()) break;
      co_await service->end_one_expired(session);
    }
}

Task<void> SessionService::end_one_expired(SessionId session) {
  Result<void> ended = co_await end(session, parts_.clock.now() + parts_.lease);
  if (ended) {
    parts_.events.session_expired();
    parts_.log.info("a session has expired; its handles are closed", {{"session", session.value}});
  } else if (!ended.error().is(Code::kBusy) && !ended.error().is(Code::kCancelled)) {
    parts_.log.warning("an expired session could not be ended; it will be tried again",
                       {{"session", session.value}, {"error", ended.error().to_string()}});
  }
}

}  // namespace forebay::master
