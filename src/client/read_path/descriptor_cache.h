// Objects of workers on this host, open for reading by descriptor.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "async/task.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "os/file.h"

namespace forebay::client {

struct Core;

// An object's file, whose content starts at `data_offset`. Large transfers run on the blocking executor, small ones, which the
// page cache answers, where they are.
struct LocalObject {
  std::unique_ptr<os::File> file;
  uint64_t data_offset = 0;
  uint64_t length = 0;  // when it was opened
  bool sealed = false;  // the same

  static Task<Result<size_t>> read(Core& core, std::shared_ptr<LocalObject> object, MutableBytes into, uint64_t offset);
  static Task<Result<void>> write(Core& core, std::shared_ptr<LocalObject> object, Bytes data, uint64_t offset);
};

// Asks the worker for the descriptor. With `create_bytes`, for writing.
Task<Result<std::shared_ptr<LocalObject>>> open_local_object(Core& core, WorkerId worker, ObjectId object, uint64_t create_bytes,
                                                             TraceId trace = {});

// Least recently used ones are closed beyond max_descriptors, and idle ones; one being read stays open until that ends. Owned by
// Core. Any thread. Sealed bytes never change and object ids are never reused, so a kept descriptor is never wrong, even when its
// object has been removed. What is read here was checked when it was sealed and by the worker's scrubber, not by this read.
class DescriptorCache {
 public:
  explicit DescriptorCache(size_t most) : most_(most) {}

  Task<Result<std::shared_ptr<LocalObject>>> open(Core& core, WorkerId worker, ObjectId object, TraceId trace);
  std::shared_ptr<LocalObject> find(ObjectId object);
  void forget(ObjectId object);
  // Closes those not used since the last call: an open descriptor keeps the space of an object that has been removed.
  void close_idle();

 private:
  void keep(ObjectId object, std::shared_ptr<LocalObject> opened);

  const size_t most_;
  std::mutex mutex_;
  struct Kept {
    std::shared_ptr<LocalObject> object;  // shared with reads under way
    uint64_t used = 0;
  };
  std::map<ObjectId, Kept> kept_;
  std::map<uint64_t, ObjectId> by_use_;
  uint64_t uses_ = 0, uses_at_last_look_ = 0;
};

}  // namespace forebay::client
