#include "cli/roles/rpc_metrics.h"

namespace forebay::cli {
namespace {

obs::Labels labels_of(const rpc::Method& method) {
  return {{"service", std::string(method.service)}, {"method", std::string(method.name)}};
}

obs::Counter finished(obs::Metrics& metrics, const rpc::Method& method, size_t code) {
  obs::Labels labels = labels_of(method);
  labels.emplace_back("result", code == 0 ? "ok" : std::string(code_name(static_cast<Code>(code))));
  return metrics.counter("forebay_rpc_calls_total", "Calls answered, by what they were answered with.", labels);
}

}  // namespace

RpcMetrics::PerMethod::PerMethod(obs::Metrics& metrics, const rpc::Method& method)
    : took(metrics.duration("forebay_rpc_call_seconds", "Time from a request's arrival to its answer.", labels_of(method))),
      finished{cli::finished(metrics, method, 0), cli::finished(metrics, method, 1), cli::finished(metrics, method, 2),
               cli::finished(metrics, method, 3), cli::finished(metrics, method, 4), cli::finished(metrics, method, 5),
               cli::finished(metrics, method, 6), cli::finished(metrics, method, 7), cli::finished(metrics, method, 8),
               cli::finished(metrics, method, 9)} {}

RpcMetrics::RpcMetrics(obs::Metrics& metrics)
    : metrics_(metrics), connections_(metrics.gauge("forebay_rpc_connections", "Connections that are open.")) {}

RpcMetrics::PerMethod& RpcMetrics::of(const rpc::Method& method) {
  if (PerMethod* known = known_[method.number].load(std::memory_order_acquire)) return *known;
  std::lock_guard lock(mutex_);
  std::unique_ptr<PerMethod>& entry = owned_[method.number];
  if (!entry) entry = std::make_unique<PerMethod>(metrics_, method);
  known_[method.number].store(entry.get(), std::memory_order_release);
  return *entry;
}

void RpcMetrics::call_finished(const rpc::Method& method, Duration took, const Status* error) {
  if (method.number >= kMostMethods) return;
  PerMethod& entry = of(method);
  entry.took.observe(took);
  size_t code = error == nullptr ? 0 : static_cast<size_t>(error->code());
  entry.finished[code < kCodes ? code : 0].add();
}

}  // namespace forebay::cli
