#include "client/write_path/seal.h"

#include <algorithm>

#include "client/core.h"

namespace forebay::client {

namespace rpcs = v1::worker_service;

namespace {

// Something that takes no time and needs no disk: whether there is such an object.
Task<bool> answers(Core* core, WorkerId worker) {
  constexpr Duration kPatience = std::chrono::seconds(1);
  rpc::CallOptions options;
  options.timeout = kPatience;
  auto reply = co_await core->routing.call_worker<rpcs::StatObject>(worker, v1::StatObjectRequest{}, std::move(options));
  co_return reply || !is_silence(reply.error()) || reply.error().is(Code::kBusy);
}

}  // namespace

Task<Result<uint32_t>> seal_at(Core* core, WorkerId worker, v1::SealObjectRequest request, TraceId trace,
                               bool (*ends)(const Status&)) {
  Trying trying{.give_up = core->env.clock.now() + core->config.seal_patience};
  for (;;) {
    if (core->routing.is_silent(worker)) {
      const bool answered = co_await answers(core, worker);
      if (!answered) co_return unknown_outcome("worker " + to_string(worker) + " answers nothing");
    }
    const Duration left = trying.give_up - core->env.clock.now();
    rpc::CallOptions options{.context = traced(trace)};
    options.timeout = std::clamp<Duration>(left, std::chrono::milliseconds(1), core->config.worker_stall);
    auto reply = co_await core->routing.call_worker<rpcs::SealObject>(worker, request, std::move(options));
    if (reply) co_return reply->message.crc32c();
    const bool final = rpc::after_failure(rpcs::SealObject::kMethod, reply.error()) == rpc::Next::kGiveUp;
    if (final || ends(reply.error())) co_return std::unexpected(std::move(reply).error());
    const bool again = co_await core->routing.pause(&trying);
    if (!again) co_return std::unexpected(std::move(reply).error());
  }
}

}  // namespace forebay::client
