// Objects that clients write below mount points.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/sync.h"
#include "forebay/v1/under.pb.h"
#include "obs/log.h"
#include "os/env.h"
#include "worker/under/under_mounts.h"

namespace forebay::worker {

struct UnderUploadsConfig {
  size_t most = 32;                         // at a time; more are `busy`. Memory: that many parts
  uint64_t part_bytes = 8 * kMiB;           // twice, four, eight times as large after 1,000, 2,000 and 3,000 of them
  Duration idle = std::chrono::minutes(5);  // an upload that nobody writes to for so long is given up
  Duration request_timeout = std::chrono::seconds(30);
};

// Takes an object's bytes in order, holds up to a part of them, and makes the whole visible at its end, or nothing. What is
// written so carries a stamp of no cluster: to persistence it is somebody else's. Nothing of it survives the process: the store
// then holds an unfinished upload, as after any client that died, and the old object. Owned by the worker; Env, mounts and log
// outlive it. On one executor.
class UnderUploads {
 public:
  UnderUploads(os::Env& env, UnderMounts& mounts, UnderUploadsConfig config, async::Executor executor, obs::Log& log)
      : env_(env), mounts_(mounts), config_(config), executor_(executor), scope_(std::move(executor)), log_(log) {}

  void start() { scope_.spawn(watch(this, scope_.token())); }
  Task<void> stop();  // gives all up

  const async::Executor& executor() const { return executor_; }
  // The contract of each is beside its method in proto/forebay/v1/under.proto.
  static Task<Result<v1::BeginUnderUploadReply>> begin(UnderUploads* self, v1::BeginUnderUploadRequest request,
                                                       std::stop_token stop);
  static Task<Result<v1::Empty>> write(UnderUploads* self, v1::WriteUnderUploadRequest request, Bytes data);
  static Task<Result<v1::EndUnderUploadReply>> end(UnderUploads* self, v1::EndUnderUploadRequest request, std::stop_token stop);
  static Task<Result<v1::Empty>> abort(UnderUploads* self, v1::AbortUnderUploadRequest request, std::stop_token stop);

 private:
  struct Upload;
  using Shared = std::shared_ptr<Upload>;  // shared with the calls that use it

  ufs::Call call() const { return {.deadline = env_.clock.now() + config_.request_timeout, .stop = {}}; }
  Result<Shared> find(uint64_t id) const;
  Task<Result<void>> send_part(Shared upload);
  Task<Result<ufs::Identity>> publish(Shared upload);
  Task<Result<ufs::Identity>> look_after(Shared upload, Status why);
  Task<void> drop(Shared upload);
  static Task<void> watch(UnderUploads* self, std::stop_token stop);

  os::Env& env_;
  UnderMounts& mounts_;
  const UnderUploadsConfig config_;
  const async::Executor executor_;
  async::Scope scope_;
  obs::Log& log_;
  std::map<uint64_t, Shared> uploads_;
};

}  // namespace forebay::worker
