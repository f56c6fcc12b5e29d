// The mapping file that the master is configured with.
#pragma once

#include <mutex>
#include <string>

#include "async/sync.h"
#include "forebay/v1/persist.pb.h"
#include "master/commit_loop.h"
#include "master/operation.h"
#include "obs/log.h"
#include "os/env.h"
#include "rpc/server.h"

namespace forebay::master {

struct MappingWatchConfig {
  std::string file;                                    // empty: none; what was put in force otherwise stays
  Duration interval = std::chrono::seconds(1);         // between two looks at it
  Duration mount_patience = std::chrono::seconds(30);  // a new cluster's store may be mounted so long after the start
};

// Puts the file in force at the start, when it changes, and when it is told to; and again after each interval while it cannot be
// (a store that is not mounted yet). What was in force stays until then. The last problem is kept for operators and logged once,
// as an error; that a cluster in which no mapping has ever been in force waits for its first mount is one after `mount_patience`
// only. Owned by the Master; what Parts refers to outlives it. describe() and reload() from any thread, the rest on the master's
// first executor.
class MappingWatch {
 public:
  struct Parts {
    os::Env& env;
    CommitLoop& loop;
    kv::Store& store;
    Placer& placer;
    const OpenReads& open_reads;
    const Persistence& persistence;
    NameLeases& names;
    obs::Log& log;
  };
  MappingWatch(Parts parts, MappingWatchConfig config, async::Executor executor)
      : parts_(parts), config_(std::move(config)), scope_(std::move(executor)) {}

  // `invalid`: the file cannot be read or is malformed, and no mapping has ever been in force: with one the cluster goes on.
  Task<Result<void>> start();
  Task<void> stop();
  void bind(rpc::Router& router);

  // `rejected` ENOENT: no file is configured; else as ApplyMapping.
  Task<Result<v1::ApplyMappingReply>> reload();
  void describe(v1::GetMappingReply& reply) const;

 private:
  static Task<void> watch(MappingWatch* self, std::stop_token stop);
  static Task<Result<rpc::Answer<v1::ApplyMappingReply>>> answer(MappingWatch* self, rpc::Call call);
  Task<Result<v1::ApplyMappingReply>> read_and_apply();
  Task<Result<v1::ApplyMappingReply>> apply(std::string text);
  bool is_unchanged(const Result<os::FileStatus>& status);
  void remember(const Result<v1::ApplyMappingReply>& outcome);
  bool is_first_mount_due_locked(const Result<v1::ApplyMappingReply>& outcome) const;

  const Parts parts_;
  const MappingWatchConfig config_;
  async::Scope scope_;
  async::Mutex applying_;

  mutable std::mutex mutex_;  // guards what follows
  os::FileStatus seen_;       // when it was read last
  std::string problem_;
  int64_t problem_since_ns_ = 0;
  bool was_in_force_ = false;     // some mapping, ever
  bool waits_for_mount_ = false;  // and that is no error yet
  os::Instant mount_by_{};
};

}  // namespace forebay::master
