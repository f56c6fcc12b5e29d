// What lies below mount points, as this worker sees it.
#pragma once

#include "forebay/v1/under.pb.h"
#include "obs/log.h"
#include "rpc/payload.h"
#include "worker/pagestore/page_store.h"
#include "worker/under/under_mounts.h"

namespace forebay::worker {

// The contract of each call is beside its method in proto/forebay/v1/under.proto. Owned by the worker, as are the mounts and the
// page store. On one executor.
class UnderPaths {
 public:
  UnderPaths(os::Env& env, UnderMounts& mounts, PageStore& pages, Duration request_timeout, async::Executor executor)
      : env_(env), mounts_(mounts), pages_(pages), request_timeout_(request_timeout), executor_(std::move(executor)) {}

  const async::Executor& executor() const { return executor_; }

  static Task<Result<v1::UnderEntry>> stat(UnderPaths* self, v1::StatUnderRequest request, std::stop_token stop);
  static Task<Result<v1::ListUnderReply>> list(UnderPaths* self, v1::ListUnderRequest request, std::stop_token stop);
  static Task<Result<rpc::Payload>> read(UnderPaths* self, v1::ReadUnderRequest request, std::stop_token stop);

 private:
  ufs::Call call(std::stop_token stop) const;
  Task<Result<void>> add_stamps(UnderMounts::Mounted mounted, std::string prefix, v1::ListUnderReply* reply, ufs::Call call);

  os::Env& env_;
  UnderMounts& mounts_;
  PageStore& pages_;
  const Duration request_timeout_;
  const async::Executor executor_;
};

// Can a file system show this name?
bool is_possible_name(std::string_view name);

}  // namespace forebay::worker
