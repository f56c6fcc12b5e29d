#include "master/driver.h"

#include <algorithm>

namespace forebay::master {
namespace {

constexpr int kMaxGroups = 1024;
constexpr size_t kWaitingBytes = 1024;  // about what a waiting call keeps besides its message

Result<Caller> caller_of(const v1::RequestContext& context) {
  if (context.groups_size() > kMaxGroups)
    return invalid("a caller has " + std::to_string(context.groups_size()) + " groups; at most 1024 are taken");
  return Caller{.uid = context.uid(),
                .gid = context.gid(),
                .groups = {context.groups().begin(), context.groups().end()},
                .session = SessionId{context.session()}};
}

}  // namespace

class Driver::MutationStep final : public Step {
 public:
  // `caller` and `perform` outlive it.
  MutationStep(const Parts& parts, const Caller& caller, uint64_t sequence, Perform<MutationContext>& perform, Level level,
               os::Instant deadline, size_t bytes)
      : Step(level, deadline, bytes), parts_(parts), caller_(caller), sequence_(sequence), perform_(perform) {}

  void apply(kv::Txn& batch, os::WallTime now) override { outcome = apply_once(batch, now); }

  Result<std::string> outcome;
  std::optional<os::Instant> wait_until;  // nothing was done: to be run again then

 private:
  Result<std::string> apply_once(kv::Txn& batch, os::WallTime now) {
    if (!parts_.sessions.is_live(caller_.session)) return stale("session " + to_string(caller_.session) + " has ended");
    ASSIGN_OR_RETURN(std::optional<v1::OutcomeRecord> stored, parts_.outcomes.find(batch, caller_.session, sequence_));
    if (!stored) return apply_new(batch, now);
    parts_.events.call_repeated();
    if (stored->has_error()) return std::unexpected(OutcomeTable::error_of(*stored));
    return std::move(*stored->mutable_reply());
  }
  Result<std::string> apply_new(kv::Txn& batch, os::WallTime now) {
    MutationContext context{batch, caller_, now, parts_.placer, parts_.sessions, parts_.persistence, &parts_.names, sequence_};
    parts_.names.begin_step();
    kv::Attempt attempt(batch);
    Result<std::string> reply = perform_(context);
    if (wait_until = parts_.names.wait_until(); wait_until) {
      attempt.undo();
      return busy("somebody else's lease on names runs");
    }
    if (reply) {
      OutcomeTable::record_reply(batch, caller_.session, sequence_, *reply);
      attempt.keep();
    } else if (reply.error().is(Code::kRejected)) {
      attempt.undo();
      OutcomeTable::record_error(batch, caller_.session, sequence_, reply.error());
    }
    return reply;
  }

  const Parts& parts_;
  const Caller& caller_;
  const uint64_t sequence_;
  Perform<MutationContext>& perform_;
};

class Driver::OrderedStep final : public Step {
 public:
  OrderedStep(Caller caller, uint64_t sequence, Perform<QueryContext> perform, os::Instant deadline, size_t bytes)
      : Step(Level::kAppended, deadline, bytes), caller_(std::move(caller)), sequence_(sequence), perform_(std::move(perform)) {}

  void apply(kv::Txn& batch, os::WallTime now) override {
    QueryContext context{batch, caller_, now};
    context.sequence = sequence_;
    outcome = perform_(context);
  }

  Result<std::string> outcome;

 private:
  const Caller caller_;
  const uint64_t sequence_;
  Perform<QueryContext> perform_;
};

Task<Result<Driver::Reply>> Driver::run_mutation(const Parts* parts, rpc::Call call, Perform<MutationContext> perform,
                                                 Level level, size_t bytes) {
  CO_ASSIGN_OR_RETURN(const Caller caller, caller_of(call.context));
  if (!caller.session || call.context.sequence() == 0)
    co_return invalid("a change needs a session, and a sequence number from 1 on");
  for (;;) {
    MutationStep step(*parts, caller, call.context.sequence(), perform, level, call.deadline, bytes + kWaitingBytes);
    CO_TRY(co_await parts->loop.execute(&step, call.is_one_of_few));
    if (step.outcome) co_return Reply{.message = std::move(*step.outcome)};
    if (!step.wait_until || *step.wait_until >= call.deadline) co_return std::unexpected(std::move(step.outcome).error());
    co_await parts->clock.sleep_until(*step.wait_until, {});
  }
}

Task<Result<Driver::Reply>> Driver::run_ordered(const Parts* parts, rpc::Call call, Perform<QueryContext> perform, size_t bytes) {
  CO_ASSIGN_OR_RETURN(Caller caller, caller_of(call.context));
  OrderedStep step(std::move(caller), call.context.sequence(), std::move(perform), call.deadline, bytes + kWaitingBytes);
  CO_TRY(co_await parts->loop.execute(&step, call.is_one_of_few));
  if (!step.outcome) co_return std::unexpected(std::move(step.outcome).error());
  co_return Reply{.message = std::move(*step.outcome)};
}

Task<Result<Driver::Reply>> Driver::run_query(const Parts* parts, rpc::Call call, Perform<QueryContext> perform) {
  CO_ASSIGN_OR_RETURN(const Caller caller, caller_of(call.context));
  const std::unique_ptr<kv::Reader> snapshot = parts->store.snapshot();
  QueryContext context{*snapshot, caller, parts->clock.wall_now()};
  Result<std::string> reply = perform(context);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Reply{.message = std::move(*reply)};
}

Task<Result<Driver::Reply>> Driver::refuse_malformed(rpc::Method method) {
  co_return invalid("the request for " + std::string(method.service) + "." + std::string(method.name) + " cannot be parsed");
}

}  // namespace forebay::master
