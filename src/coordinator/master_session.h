// The coordinator's session at the leading master.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/sync.h"
#include "coordinator/config.h"
#include "forebay/v1/namespace.rpc.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/traced.h"

namespace forebay::coordinator {

// Calls whichever master leads, and repeats each call, mutations under the same (session, sequence), until it is answered or the
// token ends it (`cancelled`). When the session has expired, a new one is begun and the call is made under it: what it asks for
// is safe to be asked twice (an operation that was started unheard of is found when its lease ends; one that has ended answers
// `stale`). Owned by the coordinator. On one executor.
class MasterSession {
 public:
  static constexpr rpc::Backoff kPause{.first = std::chrono::milliseconds(20), .most = std::chrono::seconds(1)};

  MasterSession(os::Env& env, const CoordinatorConfig& config, async::Executor executor, obs::Log& log);

  Task<Result<void>> begin(std::stop_token stop);  // without effect when it has begun
  // Renews the session at a third of its lease until the token ends it.
  static Task<void> keep_alive(MasterSession* session, std::stop_token stop);
  const std::string& cluster() const { return cluster_; }  // after begin()

  // `trace`: of the operation that it is for; none: of several, or of none.
  template <class M>
  Task<Result<typename M::Reply>> call(typename M::Request request, std::stop_token stop, TraceId trace = {}) {
    for (;;) {
      if (session_ == 0) {  // workers call as soon as the coordinator listens
        Task<Result<void>> beginning = begin(stop);
        CO_TRY(co_await std::move(beginning));
      }
      const uint64_t session = session_;
      uint64_t sequence = 0;
      if (M::kMethod.retry == rpc::Retry::kSameId) {
        CO_ASSIGN_OR_RETURN(sequence, co_await begin_sequence(stop));
      }
      Task<Result<typename M::Reply>> repeating = repeat<M>(request, session, sequence, stop, trace);
      Result<typename M::Reply> reply = co_await std::move(repeating);
      if (session == session_) open_.erase(sequence);
      if (reply || !reply.error().is(Code::kStale) || sequence == 0) co_return reply;
      Task<Result<bool>> checking = is_expired(session, stop);
      CO_ASSIGN_OR_RETURN(const bool expired, co_await std::move(checking));
      if (!expired) co_return reply;
    }
  }
  Task<void> stop();  // calls at work end with `cancelled`

 private:
  template <class M>
  Task<Result<typename M::Reply>> repeat(typename M::Request request, uint64_t session, uint64_t sequence, std::stop_token stop,
                                         TraceId trace = {}) {
    for (int attempt = 0;; ++attempt) {
      const size_t used = leader_;
      rpc::CallOptions options{.context = rpc::traced(trace)};
      options.context.set_session(session);
      options.context.set_sequence(sequence);
      options.stop = stop;
      Task<Result<rpc::Received<typename M::Reply>>> calling = channels_[used]->template call<M>(request, std::move(options));
      Result<rpc::Received<typename M::Reply>> reply = co_await std::move(calling);
      if (reply) co_return std::move(reply->message);
      const rpc::Next next = rpc::after_failure(M::kMethod, reply.error());
      if (next == rpc::Next::kGiveUp) co_return std::unexpected(std::move(reply).error());
      if (next == rpc::Next::kOtherServer && leader_ == used) leader_ = next_master(used, reply.error());
      Task<bool> sleeping = env_.clock.sleep(kPause.pause(attempt, env_.random), stop);
      const bool slept = co_await std::move(sleeping);
      if (!slept) co_return cancelled("the coordinator stops");
    }
  }
  static constexpr uint64_t kWindow = 1'000;  // below the 1,024 outcomes that the master keeps

  size_t next_master(size_t used, const Status& status) const;  // the one that it names, if it is known here
  // The next number, once all that are so far behind it have been answered.
  Task<Result<uint64_t>> begin_sequence(std::stop_token stop);
  Task<Result<void>> open(std::stop_token stop);
  Task<Result<bool>> is_expired(uint64_t session, std::stop_token stop);  // true: there is another one now

  os::Env& env_;
  const std::string name_;
  obs::Log& log_;
  std::vector<std::unique_ptr<rpc::Channel>> channels_;
  size_t leader_ = 0;
  async::Mutex opening_;
  std::string cluster_;
  uint64_t session_ = 0, sequence_ = 0, master_epoch_ = 0;
  Duration lease_{};
  std::set<uint64_t> open_;  // sequences of this session that are not answered
};

}  // namespace forebay::coordinator
