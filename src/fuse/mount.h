// A mounted file system.
#pragma once

#include <memory>
#include <vector>

#include "client/client.h"
#include "fuse/config.h"

namespace forebay::fuse {

// Mounts the namespace of a client at a directory and serves it until stop(), or until somebody unmounts it.
// Owned by main() or a test; client, log and executors (single-threaded or pools, not the calling thread) outlive it.
// start(), stop() and the destructor block; call them from one thread that is none of the executors'. Takes SIGUSR2 for itself.
// stop() unmounts: what is written through mappings is stored first, open files are closed and committed; a mount in use is
// detached from the tree and its users get ENOTCONN. After a crash of the process, users of the mount get ENOTCONN until the next
// start() at the same directory replaces it.
// Limits: MountConfig.
class FuseMount {
 public:
  static Result<std::unique_ptr<FuseMount>> start(client::Client& client, obs::Log& log, MountConfig config,
                                                  std::vector<async::Executor> executors);
  ~FuseMount();  // stops
  FuseMount(const FuseMount&) = delete;
  FuseMount& operator=(const FuseMount&) = delete;

  const std::string& mount_point() const;  // absolute
  void stop();                             // idempotent

 private:
  struct State;
  explicit FuseMount(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace forebay::fuse
