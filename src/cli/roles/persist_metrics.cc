#include "cli/roles/persist_metrics.h"

namespace forebay::cli {
namespace {

obs::Gauge waiting(obs::Metrics& metrics, const char* kind) {
  return metrics.gauge("forebay_persist_waiting", "What waits to be done in under stores, by kind.", {{"kind", kind}});
}

obs::Gauge lane(obs::Metrics& metrics, const char* size, const char* state) {
  return metrics.gauge("forebay_coordinator_lane", "Jobs in the lanes of small and large files.",
                       {{"lane", size}, {"state", state}});
}

}  // namespace

PersistGauges::PersistGauges(obs::Metrics& metrics)
    : persists_(waiting(metrics, "persist")),
      settles_(waiting(metrics, "settle")),
      clears_(waiting(metrics, "clear")),
      trees_(waiting(metrics, "tree")),
      directories_(waiting(metrics, "directory")),
      running_(metrics.gauge("forebay_persist_running", "Operations on under stores in flight.")),
      failing_(metrics.gauge("forebay_persist_failing", "Of those that wait, how many have failed before.")),
      permanent_(metrics.gauge("forebay_persist_failing_permanently", "Of those that fail, how many cannot go by themselves.")),
      lost_(metrics.gauge("forebay_persist_lost", "Of those that wait, how many have no copy of their content left.")),
      conflicts_(metrics.gauge("forebay_persist_conflicts", "Files whose key holds an object of somebody else.")),
      bytes_(metrics.gauge("forebay_persist_dirty_bytes", "Bytes of files whose newest version is not in the under store.")),
      age_(metrics.gauge("forebay_persist_oldest_dirty_seconds",
                         "Age of the oldest change that the under store does not have; 0: it has all. To be alerted on.")) {}

void PersistGauges::counted(const v1::PersistStatusReply& total, int64_t now_ns) {
  auto set = [](const obs::Gauge& gauge, uint64_t value) { gauge.set(static_cast<double>(value)); };
  set(persists_, total.waiting_persist());
  set(settles_, total.waiting_settle());
  set(clears_, total.waiting_clear());
  set(trees_, total.waiting_trees());
  set(directories_, total.waiting_directories());
  set(running_, total.running());
  set(failing_, total.failing());
  set(permanent_, total.permanent());
  set(lost_, total.lost());
  set(conflicts_, total.conflicts());
  set(bytes_, total.bytes());
  const int64_t oldest = total.oldest_dirty_ns();
  age_.set(oldest == 0 || oldest > now_ns ? 0 : static_cast<double>(now_ns - oldest) / 1e9);
}

PaceMetrics::PaceMetrics(obs::Metrics& metrics)
    : bytes_(metrics.counter("forebay_coordinator_bytes_total", "Bytes of uploads and restores that ended well.")),
      done_(metrics.counter("forebay_coordinator_jobs_total", "Jobs that ended, by how.", {{"result", "done"}})),
      failed_(metrics.counter("forebay_coordinator_jobs_total", "Jobs that ended, by how.", {{"result", "failed"}})),
      jobs_(metrics.gauge("forebay_coordinator_jobs", "Jobs in flight.")),
      small_running_(lane(metrics, "small", "running")),
      small_waiting_(lane(metrics, "small", "waiting")),
      large_running_(lane(metrics, "large", "running")),
      large_waiting_(lane(metrics, "large", "waiting")),
      rate_(metrics.gauge("forebay_coordinator_bytes_per_second", "Throughput over the last 10 s.")),
      breakers_(metrics.gauge("forebay_coordinator_open_breakers", "Mounts whose store does not answer.")) {}

void PaceMetrics::told(const v1::Pace& pace) {
  auto set = [](const obs::Gauge& gauge, uint64_t value) { gauge.set(static_cast<double>(value)); };
  bytes_.add(static_cast<double>(pace.bytes() - before_.bytes()));
  done_.add(static_cast<double>(pace.done() - before_.done()));
  failed_.add(static_cast<double>(pace.failed() - before_.failed()));
  set(jobs_, pace.jobs());
  set(small_running_, pace.small_running());
  set(small_waiting_, pace.small_waiting());
  set(large_running_, pace.large_running());
  set(large_waiting_, pace.large_waiting());
  set(rate_, pace.bytes_per_second());
  set(breakers_, static_cast<uint64_t>(pace.broken_mounts_size()));
  before_ = pace;
}

}  // namespace forebay::cli
