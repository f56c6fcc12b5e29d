// The object after the one that is being filled.
#pragma once

#include <functional>
#include <memory>

#include "async/sync.h"
#include "client/client.h"
#include "client/write_path/object_writer.h"
#include "forebay/v1/namespace.pb.h"

namespace forebay::client {

// An open for write at the master.
struct WriteHandle {
  HandleId id;
  SessionId session;
  Identity who;
};

// An object that the master has granted.
struct Granted {
  v1::Grant grant;
  HandleId handle;
  std::shared_ptr<ObjectWriter> ready;  // begun, its space reserved; null: that is still to be done
};

// What is asked for.
struct NextObjectTerms {
  WriteHandle handle;
  v1::AllocateRequest request;
  // Its space is reserved at its worker, too: that takes a worker a while for a large object, and frames of the object before
  // are acknowledged meanwhile.
  bool reserve = false;
  std::function<void()> on_failure;  // of its ObjectWriter
};

// Got ready in the background, on one of the client's executors, so that a writer goes on without waiting. Shared by the file
// that will fill the object and the task that works on it; the file may leave it at any time: as long as nothing is stored in the
// object the commit of its handle's close gives it back, at its worker, too. Each function is called once. At most one for each
// file.
class NextObject {
 public:
  static std::shared_ptr<NextObject> ask(Core& core, size_t executor, NextObjectTerms terms);

  // Waits for the master only.
  Task<Result<Granted>> granted() { return granted_.wait(); }
  // After granted(): waits until the object is reserved, or null, if that was not asked for. An error: its worker has not done
  // it, and the object is to be given back.
  Task<Result<std::shared_ptr<ObjectWriter>>> ready() { return ready_.wait(); }

 private:
  static Task<void> get_ready(std::shared_ptr<NextObject> self, Core* core, size_t executor, NextObjectTerms terms);

  async::OneShot<Result<Granted>> granted_;
  async::OneShot<Result<std::shared_ptr<ObjectWriter>>> ready_;
};

// The writer of an object that was granted to `handle`.
std::shared_ptr<ObjectWriter> writer_of(Core& core, size_t executor, const v1::Grant& grant, HandleId handle, TraceId trace,
                                        std::function<void()> on_failure);

}  // namespace forebay::client
