// Ends of opens for reading.
#pragma once

#include <mutex>
#include <vector>

#include "async/task.h"
#include "base/ids.h"

namespace forebay::client {

struct Core;
struct OpenHandle;

// Tells the master in the background, many in one call: nobody waits for it, and what is never told ends with the session. Owned
// by Core. Any thread. Limit: beyond kMaxWaiting the oldest are left to the session.
class ReadHandles {
 public:
  void close(Core& core, const OpenHandle& handle);

 private:
  static constexpr size_t kMaxWaiting = 65'536, kMaxInCall = 4'096;
  struct Closed {
    HandleId id;
    SessionId session;
  };
  static Task<void> tell(Core* core);
  std::vector<Closed> take();

  std::mutex mutex_;
  std::vector<Closed> waiting_;
  bool telling_ = false;
};

}  // namespace forebay::client
