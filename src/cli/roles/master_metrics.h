// What a master tells about itself, as metrics and as readiness.
#pragma once

#include "cli/roles/persist_metrics.h"
#include "cli/roles/rpc_metrics.h"
#include "master/events.h"
#include "obs/http_server.h"

namespace forebay::cli {

// Owned by the role's process; outlives the master. Any thread; counts.
class MasterMetrics final : public master::MasterEvents {
 public:
  MasterMetrics(obs::Metrics& metrics, obs::Readiness& readiness);

  void batch_committed(size_t steps, size_t bytes, Duration took) override;
  void journal_synced(Duration took) override { synced_.observe(took); }
  void call_repeated() override { repeated_.add(); }
  void became_broken() override;
  void sessions_changed(size_t live) override { sessions_.set(static_cast<double>(live)); }
  void session_expired() override { expired_.add(); }
  void workers_changed(size_t live, size_t lost) override;
  void reclaimed(size_t inodes) override { reclaimed_.add(static_cast<double>(inodes)); }
  void evicted(uint64_t bytes) override { evicted_.add(static_cast<double>(bytes)); }
  void inline_changed(uint64_t bytes) override { inline_bytes_.set(static_cast<double>(bytes)); }
  void intake_changed(bool slowed, uint64_t bytes_per_second) override;
  void writers_waited(Duration more) override { waited_.add(std::chrono::duration<double>(more).count()); }
  void compacted(uint64_t bytes) override;
  void persistence_counted(const v1::PersistStatusReply& total, int64_t now_ns) override { persistence_.counted(total, now_ns); }

  void call_finished(const rpc::Method& method, Duration took, const Status* error, TraceId) override {
    calls_.call_finished(method, took, error);
  }
  void connections_changed(int delta) override { calls_.connections_changed(delta); }

 private:
  obs::Readiness& readiness_;
  RpcMetrics calls_;
  obs::Counter steps_, bytes_, repeated_, expired_, reclaimed_, evicted_, compactions_, compacted_bytes_, waited_;
  obs::Histogram batches_, synced_;
  obs::Gauge inline_bytes_, sessions_, live_workers_, lost_workers_, broken_, slowed_, intake_;
  PersistGauges persistence_;
};

}  // namespace forebay::cli
