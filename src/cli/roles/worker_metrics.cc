#include "cli/roles/worker_metrics.h"

namespace forebay::cli {

WorkerMetrics::WorkerMetrics(obs::Metrics& metrics, obs::Readiness& readiness,
                             std::function<void(const Status&)> refused_at_start)
    : metrics_(metrics),
      readiness_(readiness),
      refused_at_start_(std::move(refused_at_start)),
      calls_(metrics),
      written_(metrics.counter("forebay_worker_written_bytes_total", "Bytes written to objects through the worker.")),
      read_(metrics.counter("forebay_worker_read_bytes_total", "Bytes read from objects through the worker.")),
      created_(metrics.counter("forebay_worker_objects_created_total", "Objects created.")),
      sealed_(metrics.counter("forebay_worker_objects_sealed_total", "Objects sealed.")),
      removed_(metrics.counter("forebay_worker_objects_removed_total", "Objects removed.")),
      damaged_(metrics.counter("forebay_worker_objects_damaged_total", "Copies found bad or gone.")),
      scrubbed_(metrics.counter("forebay_worker_scrubbed_bytes_total", "Bytes compared with their checksums in the background.")),
      failed_paths_(
          metrics.counter("forebay_worker_paths_failed_total", "Directories that were given up after an error of their disk.")),
      done_tasks_(metrics.counter("forebay_worker_persist_tasks_total", "Tasks of persistence that ended, by how.",
                                  {{"result", "done"}})),
      failed_tasks_(metrics.counter("forebay_worker_persist_tasks_total", "Tasks of persistence that ended, by how.",
                                    {{"result", "failed"}})),
      other_tasks_(metrics.counter("forebay_worker_persist_tasks_total", "Tasks of persistence that ended, by how.",
                                   {{"result", "refused"}})),
      task_bytes_(metrics.counter("forebay_worker_persist_bytes_total", "Bytes moved to and from under stores.")),
      restored_(metrics.counter("forebay_worker_restored_bytes_total", "Bytes that came back from under stores into the cache.")),
      page_hits_(metrics.counter("forebay_worker_page_hit_bytes_total", "Bytes of pages served from the page store.")),
      pages_wanted_(metrics.counter("forebay_worker_page_fetched_bytes_total",
                                    "Bytes of pages fetched from under stores, by why.", {{"for", "reader"}})),
      pages_ahead_(metrics.counter("forebay_worker_page_fetched_bytes_total", "Bytes of pages fetched from under stores, by why.",
                                   {{"for", "read_ahead"}})),
      failed_fetches_(
          metrics.counter("forebay_worker_page_fetches_failed_total", "Requests for pages that an under store failed.")),
      damaged_pages_(metrics.counter("forebay_worker_pages_damaged_total", "Pages that did not match their checksum on disk.")),
      dropped_pages_(metrics.counter("forebay_worker_pages_dropped_total", "Pages that made room for others.")),
      failed_page_directories_(metrics.counter("forebay_worker_page_directory_failures_total",
                                               "Times that a directory of the page store could not be used.")),
      restores_(metrics.duration("forebay_worker_restore_seconds", "Time that a block took to come back.")),
      objects_(metrics.gauge("forebay_worker_objects", "Objects stored.")),
      open_objects_(metrics.gauge("forebay_worker_open_objects", "Objects whose files are open.")),
      registered_(metrics.gauge("forebay_worker_registered", "1 while a master counts on this worker.")),
      tasks_(metrics.gauge("forebay_worker_persist_tasks", "Tasks of persistence that run.")),
      page_used_(metrics.gauge("forebay_worker_page_used_bytes", "Stored in the page store's directories.")),
      page_quota_(metrics.gauge("forebay_worker_page_quota_bytes", "What those may store.")),
      pages_(metrics.gauge("forebay_worker_pages", "Pages in them.")) {}

void WorkerMetrics::task_ended(bool done, bool failed, uint64_t bytes) {
  (done ? done_tasks_ : failed ? failed_tasks_ : other_tasks_).add();
  task_bytes_.add(static_cast<double>(bytes));
}

void WorkerMetrics::path_failed(const std::string&, const Status&) { failed_paths_.add(); }

void WorkerMetrics::space_changed(const std::vector<worker::TierUsage>& tiers, uint64_t objects, size_t open_objects) {
  objects_.set(static_cast<double>(objects));
  open_objects_.set(static_cast<double>(open_objects));
  std::lock_guard lock(mutex_);
  for (const worker::TierUsage& usage : tiers) {
    auto known = tiers_.find(usage.alias);
    if (known == tiers_.end()) {
      obs::Labels label{{"tier", usage.alias}};
      Tier tier{metrics_.gauge("forebay_worker_tier_quota_bytes", "What a tier may store.", label),
                metrics_.gauge("forebay_worker_tier_used_bytes", "Stored and reserved.", label),
                metrics_.gauge("forebay_worker_tier_available_bytes", "What a new object could get.", label)};
      known = tiers_.emplace(usage.alias, tier).first;
    }
    known->second.quota.set(static_cast<double>(usage.quota_bytes));
    known->second.used.set(static_cast<double>(usage.used_bytes));
    known->second.available.set(static_cast<double>(usage.available_bytes));
  }
}

void WorkerMetrics::registered(bool now) {
  registered_.set(now ? 1 : 0);
  if (now) {
    was_registered_ = true;
    readiness_.ready();
  } else {
    readiness_.not_ready("not registered with a master");
  }
}

void WorkerMetrics::registration_failed(const Status& problem) {
  readiness_.not_ready("not registered with a master: " + problem.message());
  if (problem.is(Code::kInvalid) && !was_registered_) refused_at_start_(problem);
}

}  // namespace forebay::cli
