// Sessions from their first call to their end.
#pragma once

#include <functional>
#include <string>

#include "async/sync.h"
#include "forebay/v1/namespace.pb.h"
#include "kv/store.h"
#include "master/cluster/intake.h"
#include "master/commit_loop.h"
#include "master/events.h"
#include "master/operation.h"
#include "master/outcomes.h"
#include "master/sessions/session_table.h"
#include "obs/log.h"
#include "rpc/server.h"

namespace forebay::master {

// Ends one journaled handle (extents/handles.h).
using CloseHandle = std::function<Result<void>(MutationContext&, InodeId, HandleId)>;

// Answers OpenSession, RenewSession, CloseSession and CloseRead, and ends sessions whose lease has run out: handles are closed in
// steps of bounded size, then the record and the stored outcomes go. A crash in between leaves the session, which gets a full
// lease and ends again. Owned by the Master. Handlers run on the connections' executors, the expiry on its own scope. stop()
// before destruction.
class SessionService {
 public:
  struct Parts {
    CommitLoop& loop;
    const kv::Store& store;
    os::Clock& clock;
    obs::Log& log;
    MasterEvents& events;
    SessionTable& table;
    OutcomeTable& outcomes;
    Placer& placer;
    const Persistence& persistence;
    CloseHandle close_handle;
    std::string cluster;
    uint64_t epoch = 0;
    Duration lease = std::chrono::seconds(10);
    size_t inline_max = 0;     // told to clients
    Intake* intake = nullptr;  // the same; none: nobody is slowed
  };
  SessionService(Parts parts, async::Executor executor) : parts_(std::move(parts)), scope_(executor) {}

  Result<void> load();  // sessions of before this start
  void bind(rpc::Router& router);
  void start() { scope_.spawn(end_expired(this, scope_.token())); }
  Task<void> stop() { return scope_.stop(); }

  Task<Result<v1::OpenSessionReply>> open(v1::OpenSessionRequest request, os::Instant deadline);
  Result<v1::RenewSessionReply> renew(const v1::RenewSessionRequest& request);
  // Ends it, whoever asks; an unknown session has ended. `busy`: somebody else is at it.
  Task<Result<void>> end(SessionId session, os::Instant deadline);

 private:
  Result<SessionId> create(kv::Txn& txn, const v1::OpenSessionRequest& request);
  Result<bool> close_some(kv::Txn& txn, SessionId session);
  Task<Result<void>> end_marked(SessionId session, os::Instant deadline);
  static Task<void> end_expired(SessionService* service, std::stop_token stop);
  Task<void> end_one_expired(SessionId session);

  const Parts parts_;
  async::Scope scope_;
};

}  // namespace forebay::master
