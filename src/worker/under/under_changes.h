// Changes of names and attributes below mount points.
#pragma once

#include "forebay/v1/under.pb.h"
#include "os/env.h"
#include "worker/under/under_mounts.h"

namespace forebay::worker {

// One call of the store, or few; the contract of each is beside its method in proto/forebay/v1/under.proto. Owned by the worker,
// as are the mounts. On one executor.
class UnderChanges {
 public:
  UnderChanges(os::Env& env, UnderMounts& mounts, Duration request_timeout, async::Executor executor)
      : env_(env), mounts_(mounts), request_timeout_(request_timeout), executor_(std::move(executor)) {}

  const async::Executor& executor() const { return executor_; }

  static Task<Result<v1::Empty>> make_directory(UnderChanges* self, v1::MakeUnderDirectoryRequest request, std::stop_token stop);
  static Task<Result<v1::Empty>> remove(UnderChanges* self, v1::RemoveUnderRequest request, std::stop_token stop);
  static Task<Result<v1::Empty>> rename(UnderChanges* self, v1::RenameUnderRequest request, std::stop_token stop);
  static Task<Result<v1::SetUnderAttributesReply>> set_attributes(UnderChanges* self, v1::SetUnderAttributesRequest request,
                                                                  std::stop_token stop);

 private:
  struct Place {
    UnderMounts::Mounted mounted;
    ufs::Call call;
  };
  Task<Result<Place>> place(uint64_t mount);

  os::Env& env_;
  UnderMounts& mounts_;
  const Duration request_timeout_;
  const async::Executor executor_;
};

}  // namespace forebay::worker
