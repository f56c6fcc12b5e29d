// One question to one server of the cluster.
#pragma once

#include "client/client.h"
#include "os/env.h"
#include "rpc/channel.h"

namespace forebay::cli {

// One attempt, as `who`, over a connection of its own. env and executor outlive it.
template <class M>
Task<Result<typename M::Reply>> ask_once(os::Env* env, async::Executor executor, os::Address address, client::Identity who,
                                         typename M::Request request, Duration timeout) {
  rpc::Channel channel(*env, std::move(address), rpc::ChannelConfig(), std::move(executor));
  rpc::CallOptions options;
  options.timeout = timeout;
  options.context.set_uid(who.uid);
  options.context.set_gid(who.gid);
  for (const uint32_t group : who.groups) options.context.add_groups(group);
  Task<Result<rpc::Received<typename M::Reply>>> calling = channel.call<M>(std::move(request), std::move(options));
  Result<rpc::Received<typename M::Reply>> reply = co_await std::move(calling);
  co_await channel.stop();
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return std::move(reply->message);
}

}  // namespace forebay::cli
