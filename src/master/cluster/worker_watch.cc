#include "master/cluster/worker_watch.h"

#include "forebay/v1/namespace.rpc.h"
#include "master/answers.h"
#include "master/extents/inline.h"
#include "master/namespace/inode.h"

namespace forebay::master {

namespace names = v1::namespace_service;

void WorkerWatch::bind(rpc::Router& router) {
  router.handle<names::GetWorkers>(
      [this](rpc::Call, v1::Empty) { return ready(Result<v1::GetWorkersReply>(parts_.table.addresses())); });
  router.handle<names::StatFs>([this](rpc::Call, v1::Empty) { return ready(stat_fs()); });
}

Result<v1::StatFsReply> WorkerWatch::stat_fs() const {
  v1::StatFsReply reply;
  parts_.table.space(reply);
  ASSIGN_OR_RETURN(const uint64_t files, inode_count(parts_.store));
  reply.set_files(files);
  // What the master keeps takes no worker's space: it is used, and there is so much more of all.
  ASSIGN_OR_RETURN(const uint64_t kept_inline, inline_bytes(parts_.store));
  reply.set_total_bytes(reply.total_bytes() + kept_inline);
  return reply;
}

Task<void> WorkerWatch::watch(WorkerWatch* self, std::stop_token stop) {
  while (co_await self->parts_.clock.sleep(self->parts_.interval, stop)) self->tell_changes();
}

void WorkerWatch::tell_changes() {
  bool changed = false;
  for (const v1::WorkerReport& report : parts_.table.report()) {
    std::string& told = told_[report.address().worker()];
    if (told == report.state()) continue;
    changed = true;
    told = report.state();
    const obs::Level level = told == "lost" ? obs::Level::kWarning : obs::Level::kInfo;
    parts_.log.write(level, "a worker is " + told,
                     {{"worker", report.address().worker()}, {"address", report.address().address()}});
  }
  if (!changed) return;
  const WorkerTable::Counts counts = parts_.table.counts();
  parts_.events.workers_changed(counts.live, counts.lost);
}

}  // namespace forebay::master
