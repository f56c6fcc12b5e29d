// The way to the leading master.
#pragma once

#include <memory>
#include <vector>

#include "async/task.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/channel.h"

namespace forebay::worker {

// Calls the master that answered last; one that does not lead, does not answer or is broken hands over to the next in the list.
// One attempt per call: what to repeat, and when, is the caller's. Owned by the worker. On its one executor; one call at a time.
class MasterLink {
 public:
  MasterLink(os::Env& env, const std::vector<os::Address>& masters /* not empty */, async::Executor executor);

  template <class M>
  Task<Result<typename M::Reply>> call(typename M::Request request) {
    rpc::Channel& master = *channels_[current_];
    Task<Result<rpc::Received<typename M::Reply>>> calling = master.template call<M>(std::move(request));
    Result<rpc::Received<typename M::Reply>> received = co_await std::move(calling);
    if (received) co_return std::move(received->message);
    Status error = std::move(received).error().with_context("master " + master.address().to_string());
    if (error.is(Code::kElsewhere) || error.is(Code::kUnknown) || error.is(Code::kBroken))
      current_ = (current_ + 1) % channels_.size();
    co_return std::unexpected(std::move(error));
  }
  size_t masters() const { return channels_.size(); }
  Task<void> stop();  // a call at work ends with `cancelled`

 private:
  std::vector<std::unique_ptr<rpc::Channel>> channels_;
  size_t current_ = 0;
};

}  // namespace forebay::worker
