// What a worker tells about itself, as metrics and as readiness.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "cli/roles/rpc_metrics.h"
#include "obs/http_server.h"
#include "worker/worker_events.h"

namespace forebay::cli {

// Owned by the role's process; outlives the worker. Any thread; counts, and keeps a lock only where space changes.
class WorkerMetrics final : public worker::WorkerEvents, public rpc::ServerEvents {
 public:
  // `refused_at_start`: the master will not have this worker, which was never registered since it started.
  WorkerMetrics(obs::Metrics& metrics, obs::Readiness& readiness, std::function<void(const Status&)> refused_at_start);

  void bytes_written(uint64_t bytes) override { written_.add(static_cast<double>(bytes)); }
  void bytes_read(uint64_t bytes) override { read_.add(static_cast<double>(bytes)); }
  void object_created() override { created_.add(); }
  void object_sealed(uint64_t) override { sealed_.add(); }
  void object_removed() override { removed_.add(); }
  void object_damaged(ObjectId) override { damaged_.add(); }
  void bytes_scrubbed(uint64_t bytes) override { scrubbed_.add(static_cast<double>(bytes)); }
  void tasks_changed(size_t running) override { tasks_.set(static_cast<double>(running)); }
  void task_ended(bool done, bool failed, uint64_t bytes) override;
  void block_restored(uint64_t bytes, Duration took) override {
    restored_.add(static_cast<double>(bytes));
    restores_.observe(took);
  }
  void page_hit(uint64_t bytes) override { page_hits_.add(static_cast<double>(bytes)); }
  void page_fetched(uint64_t bytes, bool ahead) override {
    (ahead ? pages_ahead_ : pages_wanted_).add(static_cast<double>(bytes));
  }
  void fetch_failed() override { failed_fetches_.add(); }
  void page_damaged() override { damaged_pages_.add(); }
  void pages_dropped(size_t pages) override { dropped_pages_.add(static_cast<double>(pages)); }
  void page_directory_failed() override { failed_page_directories_.add(); }
  void page_space(uint64_t used, uint64_t quota, size_t pages) override {
    page_used_.set(static_cast<double>(used));
    page_quota_.set(static_cast<double>(quota));
    pages_.set(static_cast<double>(pages));
  }
  void path_failed(const std::string& directory, const Status&) override;
  void space_changed(const std::vector<worker::TierUsage>& tiers, uint64_t objects, size_t open_objects) override;
  void registered(bool now) override;
  void registration_failed(const Status& problem) override;

  void call_finished(const rpc::Method& method, Duration took, const Status* error, TraceId) override {
    calls_.call_finished(method, took, error);
  }
  void connections_changed(int delta) override { calls_.connections_changed(delta); }

 private:
  struct Tier {
    obs::Gauge quota, used, available;
  };
  obs::Metrics& metrics_;
  obs::Readiness& readiness_;
  const std::function<void(const Status&)> refused_at_start_;
  RpcMetrics calls_;
  obs::Counter written_, read_, created_, sealed_, removed_, damaged_, scrubbed_, failed_paths_, done_tasks_, failed_tasks_,
      other_tasks_, task_bytes_, restored_, page_hits_, pages_wanted_, pages_ahead_, failed_fetches_, damaged_pages_,
      dropped_pages_, failed_page_directories_;
  obs::Histogram restores_;
  obs::Gauge objects_, open_objects_, registered_, tasks_, page_used_, page_quota_, pages_;
  std::atomic<bool> was_registered_ = false;
  std::mutex mutex_;
  std::map<std::string, Tier> tiers_;
};

}  // namespace forebay::cli
