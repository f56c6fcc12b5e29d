// What a server says in its log about calls.
#pragma once

#include <mutex>
#include <vector>

#include "obs/log.h"
#include "os/clock.h"
#include "rpc/server.h"

namespace forebay::obs {

struct CallLogConfig {
  Duration slow = std::chrono::seconds(1);
  int lines_per_second = 20;         // more are counted, and the count is in the next line
  std::vector<uint16_t> waits = {};  // methods that are answered when there is something to say: slow is no news
};

// Logs the calls that failed for a reason other than the question (not `rejected`, but for EIO; not `stale`, `busy`,
// `cancelled`), and those that took long, with the trace id of the operation they were part of. Hands everything on to `next`.
// Owned by a role; log, clock and `next` outlive it. Any thread.
class CallLog final : public rpc::ServerEvents {
 public:
  CallLog(Log& log, os::Clock& clock, rpc::ServerEvents* next /* or null */, CallLogConfig config = {})
      : log_(log), clock_(clock), next_(next), config_(config) {}

  void call_finished(const rpc::Method& method, Duration took, const Status* error, TraceId trace) override;
  void connections_changed(int delta) override;
  void connection_refused() override;
  void connection_failed(const std::string& peer, const Status& why) override;

 private:
  bool may_write(uint64_t* suppressed);

  Log& log_;
  os::Clock& clock_;
  rpc::ServerEvents* const next_;
  const CallLogConfig config_;
  std::mutex mutex_;
  // Under mutex_:
  os::Instant second_began_{};
  int lines_ = 0;
  uint64_t suppressed_ = 0;
};

}  // namespace forebay::obs
