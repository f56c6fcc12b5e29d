#include "cli/roles/master_metrics.h"

namespace forebay::cli {

MasterMetrics::MasterMetrics(obs::Metrics& metrics, obs::Readiness& readiness)
    : readiness_(readiness),
      calls_(metrics),
      steps_(metrics.counter("forebay_master_committed_operations_total", "Changes of metadata that were committed.")),
      bytes_(metrics.counter("forebay_master_journal_bytes_total", "Bytes of batches appended to the journal.")),
      repeated_(metrics.counter("forebay_master_repeated_calls_total", "Calls that were answered from a stored outcome.")),
      expired_(metrics.counter("forebay_master_sessions_expired_total", "Sessions of clients that were not heard of any more.")),
      reclaimed_(metrics.counter("forebay_master_reclaimed_inodes_total", "Inodes without a name that were taken apart.")),
      evicted_(metrics.counter("forebay_master_evicted_bytes_total", "Bytes of clean content that left the cache.")),
      compactions_(metrics.counter("forebay_master_compactions_total",
                                   "Swaps of fragmented parts of files for the same bytes in fewer extents.")),
      compacted_bytes_(metrics.counter("forebay_master_compacted_bytes_total", "Bytes in those swaps.")),
      waited_(metrics.counter("forebay_master_writers_waited_seconds_total",
                              "Time that clients' writes have waited because writers are slowed, as clients tell.")),
      batches_(
          metrics.duration("forebay_master_commit_seconds", "Time from running a batch's first change to its being committed.")),
      synced_(metrics.duration("forebay_master_journal_sync_seconds", "Time of one sync of the journal.")),
      inline_bytes_(metrics.gauge("forebay_master_inline_bytes", "Bytes of small files that are kept with the metadata.")),
      sessions_(metrics.gauge("forebay_master_sessions", "Clients with a session.")),
      live_workers_(metrics.gauge("forebay_master_workers", "Workers, by state.", {{"state", "live"}})),
      lost_workers_(metrics.gauge("forebay_master_workers", "Workers, by state.", {{"state", "lost"}})),
      broken_(metrics.gauge("forebay_master_broken", "1 once the journal has failed and changes are refused.")),
      slowed_(metrics.gauge("forebay_master_writers_slowed", "1 while writers are slowed, because workers are nearly full.")),
      intake_(metrics.gauge("forebay_master_intake_bytes_per_second",
                            "What all clients together may write to workers while writers are slowed; 0: as much as they can.")),
      persistence_(metrics) {}

void MasterMetrics::batch_committed(size_t steps, size_t bytes, Duration took) {
  steps_.add(static_cast<double>(steps));
  bytes_.add(static_cast<double>(bytes));
  batches_.observe(took);
}

void MasterMetrics::compacted(uint64_t bytes) {
  compactions_.add();
  compacted_bytes_.add(static_cast<double>(bytes));
}

void MasterMetrics::intake_changed(bool slowed, uint64_t bytes_per_second) {
  slowed_.set(slowed ? 1 : 0);
  intake_.set(static_cast<double>(bytes_per_second));
}

void MasterMetrics::became_broken() {
  broken_.set(1);
  readiness_.not_ready("the journal is broken: changes are refused until the master is restarted");
}

void MasterMetrics::workers_changed(size_t live, size_t lost) {
  live_workers_.set(static_cast<double>(live));
  lost_workers_.set(static_cast<double>(lost));
}

}  // namespace forebay::cli
