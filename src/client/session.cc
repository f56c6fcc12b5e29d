#include "client/session.h"

#include <algorithm>

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
constexpr Duration kSlowedRenewal = std::chrono::seconds(1);  // a rate is good for about so long
}

Session::Session(os::Env& env, obs::Log& log, const ClientConfig& config, Routing& routing, Background& background,
                 Intake& intake)
    : env_(env),
      log_(log),
      config_(config),
      routing_(routing),
      background_(background),
      intake_(intake),
      first_trace_{env.random.next(), env.random.next()} {}

std::shared_ptr<Session::Epoch> Session::current() const {
  std::lock_guard lock(mutex_);
  return epoch_;
}

SessionId Session::id() const { return current()->id; }

void Session::describe(std::string state) {
  constexpr size_t kMost = 256;
  state.resize(std::min(state.size(), kMost));
  std::lock_guard lock(mutex_);
  state_ = std::move(state);
}

bool Session::begun() const { return current() != nullptr; }

Task<Result<void>> Session::begin() {
  auto guard = co_await opening_.lock();
  Result<void> opened = co_await open_new();
  co_return opened;
}

Task<Result<void>> Session::open_new() {
  v1::OpenSessionRequest request;
  request.set_client(config_.name);
  request.set_host_id(env_.host_id);
  request.set_nonce(env_.random.next() | 1);  // 0 would be "none"
  Trying trying{.give_up = routing_.give_up_at()};
  Result<v1::OpenSessionReply> reply = co_await routing_.call_master<rpcs::OpenSession>(request, {}, &trying);
  if (!reply) co_return std::unexpected(std::move(reply).error().with_context("begin a session"));
  std::lock_guard lock(mutex_);
  if (!cluster_.empty() && cluster_ != reply->cluster()) {
    co_return broken("the master now serves cluster " + reply->cluster() + ", this client belongs to " + cluster_);
  }
  cluster_ = reply->cluster();
  epoch_ = std::make_shared<Epoch>(SessionId{reply->session()});
  lease_ = std::chrono::milliseconds(reply->lease_ms());
  waited_ms_ = intake_.waited_ms();
  inline_max_ = reply->inline_max();
  known_master_epoch_ = reply->master_epoch();
  told_master_epoch_ = reading_.empty() ? reply->master_epoch() : 0;
  co_return Result<void>{};
}

Task<Result<void>> Session::replace(SessionId expired) {
  auto guard = co_await opening_.lock();
  {
    std::lock_guard lock(mutex_);
    if (ended_) co_return cancelled("the client is stopped");
  }
  if (id() != expired) co_return Result<void>{};  // another call has begun a new one
  log_.warning("the session has expired; files open for writing are closed at their last commit",
               {{"session", expired.value}, {"client", config_.name}});
  CO_TRY(co_await open_new());
  co_await renew_once();
  co_return Result<void>{};
}

Task<void> Session::end() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  v1::CloseSessionRequest request;
  request.set_session(id().value);
  // One lease is enough: after it the session ends by itself.
  Trying trying{.give_up = std::min(routing_.give_up_at(), env_.clock.now() + lease_)};
  v1::RequestContext context;
  context.set_session(id().value);
  Result<v1::Empty> ended = co_await routing_.call_master<rpcs::CloseSession>(request, context, &trying);
  if (!ended && !ended.error().is(Code::kStale)) {
    log_.warning("the session could not be ended; it expires by itself", {{"error", ended.error().to_string()}});
  }
}

// ---- calls ----

Task<Result<Session::Ticket>> Session::admit(rpc::Retry retry, SessionId bound) {
  std::shared_ptr<Epoch> epoch = current();
  if (bound && epoch->id != bound) co_return stale("the session of this handle has expired");
  uint64_t sequence = 0;
  if (retry == rpc::Retry::kSameId) sequence = co_await epoch->window.begin();
  co_return Ticket(std::move(epoch), sequence);
}

v1::RequestContext Session::context_of(const Identity& who, const Ticket& ticket) {
  v1::RequestContext context = traced(who.trace);
  context.set_uid(who.uid);
  context.set_gid(who.gid);
  for (uint32_t group : who.groups) context.add_groups(group);
  context.set_session(ticket.session().value);
  context.set_sequence(ticket.sequence());
  return context;
}

void Session::note_if_slow(const rpc::Method& method, os::Instant began, TraceId trace) {
  constexpr Duration kSlow = std::chrono::seconds(1);
  const Duration took = env_.clock.now() - began;
  if (took < kSlow) return;
  log_.warning("a call to the master took long, its repeats included",
               {{"method", method.name},
                {"trace", to_string(trace)},
                {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
}

// `stale` has two meanings: the session is gone, or something in the request is. Only the first lets a call go on.
Task<bool> Session::again_after_stale(SessionId used, SessionId bound, Trying* trying) {
  if (id() == used) {
    const v1::RenewSessionRequest request = renewal(used);
    v1::RequestContext context;
    context.set_session(used.value);
    Trying renewing{.give_up = trying->give_up};
    Result<v1::RenewSessionReply> renewed = co_await routing_.call_master<rpcs::RenewSession>(request, context, &renewing);
    if (renewed || !renewed.error().is(Code::kStale)) co_return false;
    Result<void> begun = co_await replace(used);
    if (!begun) co_return false;
  }
  // An attempt that may have been executed under the old session must not be executed again under the new one.
  if (bound || trying->uncertain) co_return false;
  const bool again = co_await routing_.pause(trying);
  co_return again;
}

// ---- lease ----

Task<void> Session::keep_alive(Session* session, std::stop_token stop) {
  for (;;) {
    Duration pause{};
    {
      std::lock_guard lock(session->mutex_);
      pause = session->lease_ / 3;
    }
    if (session->intake_.slows()) pause = std::min<Duration>(pause, kSlowedRenewal);
    pause = std::max<Duration>(pause, std::chrono::milliseconds(1));
    const bool slept = co_await session->env_.clock.sleep(pause, stop);
    if (!slept) co_return;
    co_await session->renew_once();
    v1::RequestContext context;
    context.set_session(session->id().value);
    co_await session->routing_.return_to_socket<rpcs::RenewSession>(session->renewal(session->id()), context);
  }
}

v1::RenewSessionRequest Session::renewal(SessionId session) const {
  v1::RenewSessionRequest request;
  request.set_session(session.value);
  std::lock_guard lock(mutex_);
  request.set_known_epoch(known_master_epoch_);
  request.set_state(state_);
  request.set_slowed_ms(intake_.waited_ms() - waited_ms_);
  return request;
}

Task<void> Session::renew_once() {
  // A second turn when the master has restarted since: it has to be told what is open here.
  for (int turn = 0; turn < 2; ++turn) {
    const SessionId session = id();
    v1::RenewSessionRequest request = renewal(session);
    uint64_t telling = 0;
    Duration patience{};
    {
      std::lock_guard lock(mutex_);
      if (told_master_epoch_ != known_master_epoch_) {
        telling = known_master_epoch_;
        told_reads_.clear();
        for (const auto& [inode, times] : reading_) told_reads_.insert(inode);
      }
      // Each time: the master does not know the handles that were open before it began, so their ends tell it nothing.
      for (const InodeId inode : told_reads_) request.add_open_reads(inode.value);
      patience = lease_ / 3;
    }
    v1::RequestContext context;
    context.set_session(session.value);
    Trying trying{.give_up = env_.clock.now() + patience};
    Result<v1::RenewSessionReply> reply = co_await routing_.call_master<rpcs::RenewSession>(request, context, &trying);
    if (!reply) {
      if (reply.error().is(Code::kStale)) {
        if (turn == 0) background_.spawn(0, replace_in_background(this, session));
      } else {
        log_.warning("the session could not be renewed", {{"error", reply.error().to_string()}});
      }
      co_return;
    }
    intake_.told(reply->intake());
    std::lock_guard lock(mutex_);
    if (telling != 0 && reply->master_epoch() == telling) told_master_epoch_ = telling;
    known_master_epoch_ = reply->master_epoch();
    if (told_master_epoch_ == known_master_epoch_) co_return;
  }
}

Task<void> Session::replace_in_background(Session* session, SessionId expired) {
  Result<void> replaced = co_await session->replace(expired);
  if (!replaced) session->log_.error("no new session could be begun", {{"error", replaced.error().to_string()}});
}

void Session::reading(InodeId inode) {
  std::lock_guard lock(mutex_);
  ++reading_[inode];
}

void Session::not_reading(InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = reading_.find(inode);
  if (found == reading_.end() || --found->second != 0) return;
  reading_.erase(found);
  told_reads_.erase(inode);
}

}  // namespace forebay::client
