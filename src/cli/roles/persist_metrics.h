// What waits for the under store, and how it goes there, as metrics.
#pragma once

#include "coordinator/events.h"
#include "forebay/v1/persist.pb.h"
#include "obs/metrics.h"

namespace forebay::cli {

// The master's: what waits, as it was counted last. Any thread.
class PersistGauges {
 public:
  explicit PersistGauges(obs::Metrics& metrics);
  void counted(const v1::PersistStatusReply& total, int64_t now_ns);

 private:
  obs::Gauge persists_, settles_, clears_, trees_, directories_, running_, failing_, permanent_, lost_, conflicts_, bytes_, age_;
};

// The coordinator's: what it does. On the coordinator's executor.
class PaceMetrics {
 public:
  explicit PaceMetrics(obs::Metrics& metrics);
  void told(const v1::Pace& pace);

 private:
  obs::Counter bytes_, done_, failed_;
  obs::Gauge jobs_, small_running_, small_waiting_, large_running_, large_waiting_, rate_, breakers_;
  v1::Pace before_;
};

}  // namespace forebay::cli
