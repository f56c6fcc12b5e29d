// Calls of one server as metrics.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "obs/metrics.h"
#include "rpc/server.h"

namespace forebay::cli {

// Owned by the role's process, beside the metrics it counts in, both outlive the server. Any thread; a known method costs two
// atomic reads and the histogram's lock. Methods with numbers from kMostMethods on are not counted (there are none).
class RpcMetrics {
 public:
  explicit RpcMetrics(obs::Metrics& metrics);
  void call_finished(const rpc::Method& method, Duration took, const Status* error);
  void connections_changed(int delta) { connections_.add(delta); }

 private:
  static constexpr size_t kMostMethods = 1024, kCodes = 10;
  struct PerMethod {
    PerMethod(obs::Metrics& metrics, const rpc::Method& method);
    obs::Histogram took;
    std::array<obs::Counter, kCodes> finished;  // by code; 0: success
  };
  PerMethod& of(const rpc::Method& method);

  obs::Metrics& metrics_;
  obs::Gauge connections_;
  std::mutex mutex_;  // making entries
  std::array<std::unique_ptr<PerMethod>, kMostMethods> owned_;
  std::array<std::atomic<PerMethod*>, kMostMethods> known_{};
};

}  // namespace forebay::cli
