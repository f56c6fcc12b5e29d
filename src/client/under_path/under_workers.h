// Calls to workers about under stores.
#pragma once

#include <mutex>
#include <vector>

#include "base/hash.h"
#include "client/routing.h"
#include "forebay/v1/under.rpc.h"

namespace forebay::client {

// Any live worker can answer. Which one is asked first follows from a seed, the same in every client, so that the pages of an
// object are spread over the workers and each is in one page store; when that one does not answer, the next. Repeated until the
// client's patience ends while workers or the store do not answer; what the store refuses comes back at once. Owned by the
// client. Any thread.
class UnderWorkers {
 public:
  UnderWorkers(os::Env& env, Routing& routing, Background& background) : env_(env), routing_(routing), background_(background) {}

  template <class M>
  Task<Result<rpc::Received<typename M::Reply>>> call(uint64_t seed, typename M::Request request, Identity who) {
    Trying trying{.give_up = routing_.give_up_at()};
    for (int corrupted = 0;;) {
      Result<std::vector<WorkerId>> order = co_await in_order(seed);
      if (!order) co_return std::unexpected(std::move(order).error());
      Error failure = elsewhere("no worker is live");
      for (WorkerId worker : *order) {
        rpc::CallOptions options{.context = context_of(who)};
        Result<rpc::Received<typename M::Reply>> reply = co_await routing_.call_worker<M>(worker, request, std::move(options));
        if (reply) co_return reply;
        failure = Error(std::move(reply).error());
        if (failure.error().is(Code::kCorrupt) && ++corrupted > kMostCorrupted) co_return final(failure.error(), who);
        if (is_final(failure.error())) co_return final(failure.error(), who);
        if (!failure.error().is(Code::kElsewhere) && !failure.error().is(Code::kUnknown)) break;  // the store's: no other helps
        failed(worker);
      }
      const bool again = co_await routing_.pause(&trying);
      if (!again) co_return given_up(failure.error(), who);
    }
  }
  // The same for what is not to be done twice: repeated only while it surely was not done. Where that is not known, the error
  // says so.
  template <class M>
  Task<Result<rpc::Received<typename M::Reply>>> change(uint64_t seed, typename M::Request request, Identity who) {
    Result<std::pair<WorkerId, typename M::Reply>> done = co_await begin<M>(seed, std::move(request), std::move(who));
    if (!done) co_return std::unexpected(std::move(done).error());
    rpc::Received<typename M::Reply> received;
    received.message = std::move(done->second);
    co_return received;
  }
  // And says which worker it was.
  template <class M>
  Task<Result<std::pair<WorkerId, typename M::Reply>>> begin(uint64_t seed, typename M::Request request, Identity who) {
    Trying trying{.give_up = routing_.give_up_at()};
    for (;;) {
      Result<std::vector<WorkerId>> order = co_await in_order(seed);
      if (!order) co_return std::unexpected(std::move(order).error());
      Error failure = elsewhere("no worker is live");
      for (WorkerId worker : *order) {
        rpc::CallOptions options{.context = context_of(who)};
        Result<rpc::Received<typename M::Reply>> reply = co_await routing_.call_worker<M>(worker, request, std::move(options));
        if (reply) co_return std::pair(worker, std::move(reply->message));
        failure = Error(std::move(reply).error());
        if (is_final(failure.error())) co_return final(failure.error(), who);
        if (failure.error().is(Code::kUnknown)) co_return uncertain(failure.error(), who);
        if (!failure.error().is(Code::kElsewhere)) break;
        failed(worker);
      }
      const bool again = co_await routing_.pause(&trying);
      if (!again) co_return given_up(failure.error(), who);
    }
  }
  // Of one worker, repeated: for calls that may be done twice.
  template <class M>
  Task<Result<rpc::Received<typename M::Reply>>> at(WorkerId worker, typename M::Request request, Identity who, Bytes payload) {
    Trying trying{.give_up = routing_.give_up_at()};
    for (;;) {
      rpc::CallOptions options{.context = context_of(who)};
      options.payload = payload;
      Result<rpc::Received<typename M::Reply>> reply = co_await routing_.call_worker<M>(worker, request, std::move(options));
      if (reply) co_return reply;
      if (is_final(reply.error())) co_return final(reply.error(), who);
      const bool again = co_await routing_.pause(&trying);
      if (!again) co_return given_up(reply.error(), who);
    }
  }
  template <class M>
  Task<Result<rpc::Received<typename M::Reply>>> once(WorkerId worker, typename M::Request request, Identity who) {
    rpc::CallOptions options{.context = context_of(who)};
    options.timeout = std::chrono::seconds(5);
    Result<rpc::Received<typename M::Reply>> reply =
        co_await routing_.call_worker<M>(worker, std::move(request), std::move(options));
    co_return reply;
  }
  // One attempt, nobody waits for what comes of it.
  void hint(uint64_t seed, v1::ReadUnderRequest request);

 private:
  static constexpr int kMostCorrupted = 3;

  static v1::RequestContext context_of(const Identity& who);
  static bool is_final(const Status& status);
  static Error final(const Status& status, const Identity& who);
  static Error uncertain(const Status& status, const Identity& who);
  static Error given_up(const Status& status, const Identity& who);
  Task<Result<std::vector<WorkerId>>> in_order(uint64_t seed);
  void failed(WorkerId worker);
  static Task<void> send_hint(UnderWorkers* self, uint64_t seed, v1::ReadUnderRequest request);
  static Task<void> refresh_again(UnderWorkers* self);
  Task<Result<void>> refresh();

  os::Env& env_;
  Routing& routing_;
  Background& background_;
  std::mutex mutex_;
  std::vector<WorkerId> live_;
  std::map<WorkerId, os::Instant> silent_;  // until when it is asked last
  os::Instant next_{};
  bool is_asking_ = false;
};

}  // namespace forebay::client
