// How the bytes of one object get to the workers that keep it.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "client/read_path/descriptor_cache.h"
#include "os/file.h"

namespace forebay::client {

struct Core;

// An object being written and the chain of workers that keep its copies, first to last.
struct Placed {
  ObjectId object;
  std::vector<WorkerId> workers;
  TraceId trace = {};  // of the open that the object was granted to
};

// What a write may create: the object, with so many bytes reserved; 0: it is there already.
struct Creation {
  uint64_t bytes = 0;
  bool from_hold = false;  // this client's, at the object's worker
};

// Owned by an ObjectWriter. Any thread; several writes of different ranges may be under way. A write that failed may have stored
// any part of its bytes.
class Carrier {
 public:
  virtual ~Carrier() = default;
  // True: write() stores the caller's bytes from where they are. False: it takes a round trip, so writes are collected in frames,
  // several of which are on their way.
  virtual bool direct() const = 0;
  // In which boot of the worker's machine the bytes were written; 0: on this machine. At most 1 MiB unless direct.
  virtual Task<Result<uint64_t>> write(Bytes data, uint64_t offset, Creation creation) = 0;
};

// WriteObject frames to the first worker of the chain. Never fails to open.
std::unique_ptr<Carrier> stream_carrier(Core& core, Placed placed);

// The object's own file, from the worker on this host that keeps the only copy. Errors: `elsewhere` when that worker is not on
// this host or the chain is longer; then the stream is the way.
Task<Result<std::unique_ptr<Carrier>>> open_descriptor_carrier(Core& core, Placed placed, uint64_t create_bytes);

}  // namespace forebay::client
