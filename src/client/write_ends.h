// Ends of opens for writing.
#pragma once

#include <mutex>
#include <vector>

#include "async/task.h"
#include "base/ids.h"

namespace forebay::client {

struct Core;
struct OpenHandle;

// Tells the master in the background, many in one call: of handles through which nothing is left to be committed, so nobody waits
// for it, and what is never told ends with the session. The first waits a moment for others. Owned by Core. Any thread. Limit:
// kMaxWaiting; then the caller has to tell by itself.
class WriteEnds {
 public:
  bool end(Core& core, const OpenHandle& handle);  // false: too many wait

 private:
  static constexpr size_t kMaxWaiting = 16'384, kMaxInCall = 1'024;
  struct Ended {
    HandleId id;
    SessionId session;
  };
  static Task<void> tell(Core* core);
  std::vector<Ended> take();

  std::mutex mutex_;
  std::vector<Ended> waiting_;
  bool telling_ = false;
};

}  // namespace forebay::client
