// The objects that a file's next bytes may go into.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "client/client.h"
#include "client/write_path/next_object.h"

namespace forebay::client {

// What the master has granted to the handles of one file, and asking it for more: of how many bytes, when ahead, what is done
// when the cluster is nearly full. What is granted and not used is given back with the handle that it was granted to. Owned by a
// FileWriter. Calls are ordered by the file's writing lock, except those marked (any). Limits: one object asked for ahead;
// objects of the config's size.
class ObjectGrants {
 public:
  ObjectGrants(Core& core, size_t executor) : core_(core), executor_(executor) {}

  // Of the objects' writers, from any thread; set before the first of them is begun.
  void on_failure(std::function<void()> failed) { on_failure_ = std::move(failed); }

  void add_handle(WriteHandle handle, const google::protobuf::RepeatedPtrField<v1::Grant>& grants);  // (any)
  void remove_handle(HandleId handle);                                                               // (any)
  // (any) The oldest handle that is alive. Objects are granted to it and what is in them is committed through it, for every
  // handle: the master accepts an object only from the handle it was granted to.
  std::optional<WriteHandle> primary() const;

  // One for `wanted` bytes to begin with. ENOSPC: the cluster has no room for little, either.
  Task<Result<Granted>> next(WriteHandle handle, size_t wanted);
  std::shared_ptr<ObjectWriter> begin(Granted granted);
  // Of the one that is being filled, of `size` bytes, so many are left: asks for the next, if it is time for that.
  void ask_ahead(const WriteHandle& handle, uint64_t size, uint64_t remaining);

  void give_back(ObjectId object, HandleId handle);  // (any) granted, and not to be used
  bool has_any_of(HandleId handle) const;            // (any) granted to it and not begun, or asked for
  // Before the handle is closed: what goes back with it.
  Task<std::vector<ObjectId>> take_unused(HandleId handle);

 private:
  Task<Result<Granted>> allocate(WriteHandle handle, uint64_t bytes, uint64_t at_least);
  std::shared_ptr<NextObject> take_ahead_of(HandleId handle);
  Task<std::optional<Granted>> take_ahead(HandleId handle);
  uint64_t next_bytes() const;
  v1::AllocateRequest allocation(const WriteHandle& handle, uint64_t bytes) const;

  Core& core_;
  const size_t executor_;
  std::function<void()> on_failure_;
  uint64_t largest_ = 0;  // begun so far for `begun_for_`, in bytes
  HandleId begun_for_;

  mutable std::mutex mutex_;  // for (any)
  std::vector<WriteHandle> handles_;
  std::deque<Granted> grants_;
  std::vector<std::pair<ObjectId, HandleId>> unwanted_;  // given back when their handle is closed
  std::shared_ptr<NextObject> ahead_;                    // shared with the task that gets it ready
  HandleId ahead_for_;                                   // the handle that it is granted to
};

// The worker has not taken bytes of the object: it gets no new ones for a while.
void leave_worker(Core& core, ObjectId object, WorkerId worker, const Status& why);

}  // namespace forebay::client
