// A server of the cluster that a command asks directly.
#pragma once

#include <memory>

#include "async/task.h"
#include "os/env.h"
#include "rpc/channel.h"
#include "rpc/retry.h"

namespace forebay::cli {

// Calls that only read, each tried up to 5 times with pauses. Owned by the command; env and executor outlive it. stop() first.
class Peer {
 public:
  Peer(os::Env& env, os::Address address, async::Executor executor)
      : env_(env), channel_(env, std::move(address), rpc::ChannelConfig(), std::move(executor)) {}

  template <class M>
  Task<Result<typename M::Reply>> ask(typename M::Request request, Duration timeout) {
    for (int attempt = 0;; ++attempt) {
      rpc::CallOptions options;
      options.timeout = timeout;
      Task<Result<rpc::Received<typename M::Reply>>> calling = channel_.call<M>(request, std::move(options));
      Result<rpc::Received<typename M::Reply>> reply = co_await std::move(calling);
      if (reply) co_return std::move(reply->message);
      const bool again = rpc::after_failure(M::kMethod, reply.error()) != rpc::Next::kGiveUp;
      if (!again || attempt + 1 == kAttempts) co_return std::unexpected(std::move(reply).error());
      const Duration pause = backoff_.pause(attempt + 4, env_.random);
      Task<bool> sleeping = env_.clock.sleep(pause, std::stop_token());
      co_await std::move(sleeping);
    }
  }
  Task<void> stop() { return channel_.stop(); }

 private:
  static constexpr int kAttempts = 5;
  os::Env& env_;
  rpc::Channel channel_;
  rpc::Backoff backoff_;
};

}  // namespace forebay::cli
