// What operators ask the master.
#pragma once

#include <functional>
#include <string>

#include "forebay/v1/admin.pb.h"
#include "kv/store.h"
#include "master/cluster/intake.h"
#include "master/cluster/worker_table.h"
#include "master/commit_loop.h"
#include "master/sessions/session_table.h"
#include "os/clock.h"
#include "rpc/server.h"

namespace forebay::master {

// Answers Report, Fsck and FsckCopies. All read snapshots, away from the commit loop, a bounded number of records at a time.
// Owned by the Master. Any thread.
class AdminService {
 public:
  struct Parts {
    const CommitLoop& loop;
    const kv::Store& store;
    os::Clock& clock;
    const SessionTable& sessions;
    const WorkerTable& workers;
    const Intake& intake;
    async::Executor blocking;
    std::string cluster, version;
    os::Instant started;
  };
  explicit AdminService(Parts parts) : parts_(std::move(parts)) {}
  void bind(rpc::Router& router);

  Task<Result<v1::ReportReply>> report();
  Task<Result<v1::FsckReply>> fsck(v1::FsckRequest request);
  Task<Result<v1::FsckCopiesReply>> fsck_copies(v1::FsckCopiesRequest request);

 private:
  Result<v1::ReportReply> make_report() const;

  const Parts parts_;
};

}  // namespace forebay::master
