// The one driver of all operations: what every call has in common, done once.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "kv/store.h"
#include "master/commit_loop.h"
#include "master/namespace/name_leases.h"
#include "master/operation.h"
#include "master/outcomes.h"
#include "master/sessions/session_table.h"
#include "rpc/server.h"

namespace forebay::master {

// Binds operations to methods. A bound call is parsed once, gets its Caller (at most 1,024 groups, else `invalid`), runs, and is
// serialised once; those bytes are also what a repeated call is answered with.
//
// mutation  on the commit loop. Needs a live session (`stale`) and a sequence from 1; a repeated one gets the stored outcome.
//           Answered at the request's durability, or the default. One that changes what another session's lease is about is run
//           again when that is over (NameLeases). Errors of the loop: see CommitLoop.
// ordered   on the commit loop, over what is not appended yet: for reads that later changes have to know of. Not recorded.
// query     on the connection's executor, over a snapshot of what is appended.
//
// Owned by the Master; what Parts refers to outlives it, and it outlives the server. Bind before the server starts.
class Driver {
 public:
  struct Parts {
    rpc::Router& router;
    CommitLoop& loop;
    kv::Store& store;
    os::Clock& clock;
    MasterEvents& events;
    SessionTable& sessions;
    OutcomeTable& outcomes;
    Placer& placer;
    const Persistence& persistence;
    NameLeases& names;
    v1::Durability default_durability = v1::DURABILITY_PAGE_CACHE;
  };
  // Called with the context of its kind and the request: Result<M::Reply>.
  template <class M, class Context>
  using Operation = std::function<Result<typename M::Reply>(Context&, const typename M::Request&)>;

  explicit Driver(Parts parts) : parts_(parts) {}

  template <class M>
  void mutation(Operation<M, MutationContext> operation);
  template <class M>
  void query(Operation<M, QueryContext> operation);
  // For the method that is one or the other, as its request says.
  template <class M>
  void mutation_or_ordered(std::function<bool(const typename M::Request&)> is_mutation, Operation<M, MutationContext> change,
                           Operation<M, QueryContext> read);

 private:
  using Reply = rpc::Router::Reply;
  template <class Context>
  using Perform = std::move_only_function<Result<std::string>(Context&)>;  // holds the parsed request, answers serialised
  class MutationStep;
  class OrderedStep;

  static Task<Result<Reply>> run_mutation(const Parts* parts, rpc::Call call, Perform<MutationContext> perform, Level level,
                                          size_t bytes);
  static Task<Result<Reply>> run_ordered(const Parts* parts, rpc::Call call, Perform<QueryContext> perform, size_t bytes);
  static Task<Result<Reply>> run_query(const Parts* parts, rpc::Call call, Perform<QueryContext> perform);
  static Task<Result<Reply>> refuse_malformed(rpc::Method method);

  // An operation with its request, ready to run.
  template <class M, class Context>
  static Perform<Context> bind(const Operation<M, Context>& operation, typename M::Request request) {
    return [&operation, request = std::move(request)](Context& context) -> Result<std::string> {
      Result<typename M::Reply> reply = operation(context, request);
      if (!reply) return std::unexpected(std::move(reply).error());
      return reply->SerializeAsString();
    };
  }
  template <class Request>
  Level level_of(const Request& request) const {
    v1::Durability durability = v1::DURABILITY_UNSPECIFIED;
    if constexpr (requires { request.durability(); }) durability = request.durability();
    if (durability == v1::DURABILITY_UNSPECIFIED) durability = parts_.default_durability;
    return durability == v1::DURABILITY_FSYNC ? Level::kSynced : Level::kAppended;
  }

  const Parts parts_;
};

// ---- implementation of the templates ----

template <class M>
void Driver::mutation(Operation<M, MutationContext> operation) {
  parts_.router.handle_raw(M::kMethod, [this, operation = std::move(operation)](rpc::Call call, std::string message) {
    typename M::Request request;
    if (!request.ParseFromString(message)) return refuse_malformed(M::kMethod);
    const Level level = level_of(request);
    return run_mutation(&parts_, std::move(call), bind<M, MutationContext>(operation, std::move(request)), level, message.size());
  });
}

template <class M>
void Driver::query(Operation<M, QueryContext> operation) {
  parts_.router.handle_raw(M::kMethod, [this, operation = std::move(operation)](rpc::Call call, std::string message) {
    typename M::Request request;
    if (!request.ParseFromString(message)) return refuse_malformed(M::kMethod);
    return run_query(&parts_, std::move(call), bind<M, QueryContext>(operation, std::move(request)));
  });
}

template <class M>
void Driver::mutation_or_ordered(std::function<bool(const typename M::Request&)> is_mutation,
                                 Operation<M, MutationContext> change, Operation<M, QueryContext> read) {
  parts_.router.handle_raw(M::kMethod, [this, is_mutation = std::move(is_mutation), change = std::move(change),
                                        read = std::move(read)](rpc::Call call, std::string message) {
    typename M::Request request;
    if (!request.ParseFromString(message)) return refuse_malformed(M::kMethod);
    const Level level = level_of(request);
    if (is_mutation(request))
      return run_mutation(&parts_, std::move(call), bind<M, MutationContext>(change, std::move(request)), level, message.size());
    return run_ordered(&parts_, std::move(call), bind<M, QueryContext>(read, std::move(request)), message.size());
  });
}

}  // namespace forebay::master
