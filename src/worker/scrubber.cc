#include "worker/scrubber.h"

#include <optional>

namespace forebay::worker {

Task<void> Scrubber::run(std::stop_token stop) {
  if (config_.bytes_per_second == 0) co_return;
  while (!stop.stop_requested()) {
    co_await one_pass(stop);
    Task<bool> sleeping = env_.clock.sleep(config_.pause_between_passes, stop);
    co_await std::move(sleeping);
  }
}

Task<void> Scrubber::one_pass(std::stop_token stop) {
  std::optional<ObjectId> object = store_.next_sealed(ObjectId{});
  while (object && !stop.stop_requested()) {
    co_await scrub_object(*object, stop);
    object = store_.next_sealed(*object);
  }
}

Task<void> Scrubber::scrub_object(ObjectId object, std::stop_token stop) {
  const Duration pause = std::chrono::nanoseconds(std::chrono::seconds(1)) * kBlockBytes / config_.bytes_per_second;
  for (uint64_t block = 0; !stop.stop_requested(); ++block) {
    auto verify = [&] { return store_.verify_block(object, block); };
    Result<bool> verified = co_await async::run_blocking(env_.blocking, verify);
    // Removed meanwhile, or damaged, which the store has noted: one bad block condemns the copy.
    if (!verified || !*verified) co_return;
    events_.bytes_scrubbed(kBlockBytes);
    Task<bool> sleeping = env_.clock.sleep(pause, stop);
    co_await std::move(sleeping);
  }
}

}  // namespace forebay::worker
