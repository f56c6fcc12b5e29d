#include "coordinator/jobs/fetcher.h"

namespace forebay::coordinator {

namespace {

constexpr uint32_t kWaitMs = 5'000;                         // one question waits so long for an answer
constexpr Duration kPause = std::chrono::milliseconds(10);  // while what was found is being started
constexpr Duration kAfterFailure = std::chrono::seconds(1);

}  // namespace

Task<void> Fetcher::walk(Fetcher* self, std::stop_token stop) {
  while (!stop.stop_requested()) {
    v1::NextFetchesRequest request;
    request.set_limit(static_cast<uint32_t>(2 * self->parts_.config.fetches));
    request.set_wait_ms(kWaitMs);
    Task<Result<v1::NextFetchesReply>> asking = self->parts_.master.call<v1::persist_service::NextFetches>(request, stop);
    Result<v1::NextFetchesReply> reply = co_await std::move(asking);
    if (!reply && !reply.error().is(Code::kCancelled))
      self->parts_.log.error("what is to be fetched could not be read", {{"error", reply.error().to_string()}});
    Duration pause = reply ? Duration{} : kAfterFailure;
    const v1::NextFetchesReply found = reply.value_or(v1::NextFetchesReply());
    for (const uint64_t object : found.objects()) {
      pause = kPause;
      if (self->at_work_.contains(object)) continue;
      co_await self->permits_.acquire();
      self->at_work_.insert(object);
      const bool spawned = !stop.stop_requested() && self->scope_.spawn(fetch_one(self, object, stop));
      if (spawned) continue;
      self->at_work_.erase(object);
      self->permits_.release();
      co_return;
    }
    Task<bool> sleeping = self->parts_.env.clock.sleep(pause, stop);
    co_await std::move(sleeping);
  }
}

Task<void> Fetcher::fetch_one(Fetcher* self, uint64_t object, std::stop_token stop) {
  Task<void> fetching = self->runner_.run_fetch(object, stop);
  co_await std::move(fetching);
  self->at_work_.erase(object);
  self->permits_.release();
}

}  // namespace forebay::coordinator
