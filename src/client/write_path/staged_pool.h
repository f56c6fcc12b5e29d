// Staged objects that are ready before a file is created.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "client/session.h"
#include "client/write_path/staged_object.h"
#include "os/env.h"

namespace forebay::client {

struct Core;

// A file that is to be staged needs an object of a worker on this host, and its descriptor: a call that waits for the worker to
// make two files. While such files are created one after the other, some objects are kept ready, granted to a file that has no
// name: the call that creates a file says which of them it takes, and the master hands it over. Who finds none asks as ever.
//
// Begins with the kRow-th file within kIdle each; what nobody has taken for kIdle is given back. Whatever goes wrong is tried
// again after kIdle: nothing depends on this. Owned by Core. Any thread. Limit: ClientConfig::staged_ready objects, 0 for none;
// besides, those that calls under way have taken and may bring back.
class StagedPool {
 public:
  static constexpr int kRow = 3;
  static constexpr Duration kIdle = std::chrono::seconds(1);

  explicit StagedPool(Core& core) : core_(core) {}

  // For a file that is about to be created; object() and handle() are what the call has to name.
  std::shared_ptr<StagedObject> take();
  // It was not needed after all: whoever asks next has it.
  void give_back(std::shared_ptr<StagedObject> object);
  // The worker has no room for staged objects: for kIdle nobody need ask for one.
  void refused();
  bool is_refused();
  // The session's end gives back what it has.
  void stop();

 private:
  // The open file without a name that all of them are granted to.
  struct Owner {
    HandleId handle;
    SessionId session;
  };
  using Objects = std::vector<std::shared_ptr<StagedObject>>;

  static Task<void> fill(StagedPool* self);
  static Task<Result<void>> fill_from(StagedPool* self, Owner owner);
  static Task<Result<void>> open_one(StagedPool* self, Owner owner, Placed placed);
  static Task<void> retire(StagedPool* self, Owner owner);
  Task<Result<Owner>> owner();
  bool wants_more_locked(os::Instant now);
  bool is_idle_locked(os::Instant now) const { return now - taken_at_ >= kIdle && !filling_; }

  Core& core_;
  std::mutex mutex_;
  Objects ready_;
  std::optional<Owner> owner_;
  bool filling_ = false, stopped_ = false;
  int row_ = 0;
  os::Instant taken_at_{}, refused_until_{}, no_room_until_{};
};

}  // namespace forebay::client
