// Ways to the masters and the workers of one cluster.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "async/sync.h"
#include "client/background.h"
#include "client/client.h"
#include "forebay/v1/admin.rpc.h"
#include "forebay/v1/namespace.rpc.h"
#include "forebay/v1/worker.rpc.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/traced.h"

namespace forebay::client {

// How long a call has been tried, and whether an attempt may have been executed without an answer.
struct Trying {
  os::Instant give_up;
  int attempt = 0;
  bool uncertain = false;
};

// The worker did not say that it cannot: it said nothing, or is on its way. What it says about an object or its disk is an
// answer.
inline bool is_silence(const Status& status) {
  if (status.is(Code::kUnknown) || status.is(Code::kBusy)) return true;
  const int error = status.error();
  return status.is(Code::kElsewhere) && error != ENOENT && error != ENODATA && error != EIO && error != ENOSPC;
}

using rpc::trace_of;
using rpc::traced;

// Channels to masters and workers, made on first use, one for each executor that calls (no thread is changed on the way). Knows
// which master leads, where workers are, which of them failed lately. Owned by Core. Any thread. Limits: max_channels, of which
// idle ones are closed first; a worker table as the master sends it.
class Routing {
 public:
  Routing(os::Env& env, obs::Log& log, const ClientConfig& config, Background& background);

  // A call to the leading master, repeated until it is answered or `trying.give_up` has passed. `stale` comes back at once.
  template <class M>
  Task<Result<typename M::Reply>> call_master(typename M::Request request, v1::RequestContext context, Trying* trying) {
    for (;;) {
      MasterWay way = co_await master();
      if (!way.channel || is_over()) co_return cancelled("the client is stopped");
      rpc::CallOptions options;
      options.context = context;
      Result<rpc::Received<typename M::Reply>> reply = co_await way.channel->call<M>(request, std::move(options));
      if (reply) {
        master_answered(way);
        co_return std::move(reply->message);
      }
      const bool again = co_await again_after(M::kMethod, reply.error(), way, trying);
      if (!again) co_return std::unexpected(std::move(reply).error().with_trace(trace_of(context)));
    }
  }

  // Where the first way that was given is a Unix socket, it is the quickest. After calls have left it, a master that answers this
  // one there is asked there again.
  template <class M>
  Task<void> return_to_socket(typename M::Request request, v1::RequestContext context) {
    MasterWay way = co_await left_socket();
    if (!way.channel) co_return;
    rpc::CallOptions options;
    options.context = context;
    Result<rpc::Received<typename M::Reply>> reply = co_await way.channel->call<M>(request, std::move(options));
    if (reply) master_answered(way);
  }

  // One attempt at a worker. `elsewhere` when its address is not known. With `local`, over its Unix socket.
  template <class M>
  Task<Result<rpc::Received<typename M::Reply>>> call_worker(WorkerId worker, typename M::Request request,
                                                             rpc::CallOptions options, bool local = false) {
    const TraceId trace = trace_of(options.context);
    Result<std::shared_ptr<rpc::Channel>> channel = co_await worker_channel(worker, local);
    if (!channel) co_return std::unexpected(std::move(channel).error());
    Result<rpc::Received<typename M::Reply>> reply = co_await (*channel)->call<M>(std::move(request), std::move(options));
    if (reply) {
      worker_answered(worker);
      co_return reply;
    }
    worker_failed(worker, reply.error());
    co_return std::unexpected(std::move(reply).error().with_trace(trace));
  }

  // On this host, reached by a Unix socket that passes descriptors.
  bool is_local(WorkerId worker) const;
  Task<Result<std::vector<v1::WorkerAddress>>> refresh_workers();

  // A call to it was not answered, and none has been since, for `worker_pause` at most: other calls need not wait as long again.
  bool is_silent(WorkerId worker) const;
  // Workers that get no new objects of this client for a while; with those that are silent.
  void avoid(WorkerId worker);
  void avoid_nobody();
  std::vector<WorkerId> avoided() const;

  // All known workers but this one.
  std::vector<WorkerId> others(WorkerId worker) const;

  // When a call that begins now is no longer repeated.
  os::Instant give_up_at() const;
  // From now on: when no master has answered for `retry_for`, nothing is repeated or begun any more.
  void begin_to_stop();
  // Sleeps before the next attempt; false when there is none, because the time is over or the client stops.
  Task<bool> pause(Trying* trying);
  // The same, for so long.
  Task<bool> pause_for(Trying* trying, Duration pause);
  Task<void> stop();

 private:
  struct MasterWay {
    std::shared_ptr<rpc::Channel> channel;
    size_t index;
  };
  struct Kept {
    std::shared_ptr<rpc::Channel> channel;  // shared with the calls that are using it
    uint64_t used = 0;                      // order of last use
  };
  using ChannelKey = std::pair<os::Address, size_t>;  // and index of the executor

  bool is_over() const;
  Task<MasterWay> master();
  Task<MasterWay> left_socket();  // without a channel: there is none, or it is being used
  void master_answered(const MasterWay& way);
  Task<bool> again_after(const rpc::Method& method, const Status& status, const MasterWay& way, Trying* trying);
  void switch_master(const MasterWay& way, const Status& status);
  // Null after stop().
  std::shared_ptr<rpc::Channel> channel_locked(const os::Address& to, size_t executor);
  void drop_idle_locked();
  Task<Result<std::shared_ptr<rpc::Channel>>> worker_channel(WorkerId worker, bool local);
  void worker_answered(WorkerId worker);
  void worker_failed(WorkerId worker, const Status& status);
  static Task<void> stop_channel(std::shared_ptr<rpc::Channel> channel);

  os::Env& env_;
  obs::Log& log_;
  const ClientConfig& config_;
  Background& background_;
  const rpc::Backoff backoff_;

  mutable std::mutex mutex_;
  std::vector<os::Address> masters_;
  size_t leader_ = 0;
  std::map<ChannelKey, Kept> channels_;
  uint64_t uses_ = 0;
  struct WorkerPlace {
    std::optional<os::Address> tcp, local;  // local: only when it shares this host
  };
  std::map<WorkerId, WorkerPlace> workers_;
  os::Instant workers_refreshed_{};
  std::map<WorkerId, os::Instant> avoided_, silent_;  // until when
  std::atomic<bool> any_silent_ = false;              // so that an answer costs no lock
  std::optional<os::Instant> stop_by_;                // since begin_to_stop()
  bool stopped_ = false;
};

}  // namespace forebay::client
