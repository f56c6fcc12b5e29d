// Ends of opens, told to the master.
#pragma once

#include <mutex>
#include <vector>

#include "async/task.h"
#include "base/ids.h"

namespace forebay::client {

struct Core;
struct OpenHandle;

// Tells the master in the background, many in one call: nobody waits for it, and what is never told ends with the session. Owned
// by Core. Any thread. Limit: Kind::kMaxWaiting. `Kind` says what is called and what happens at the limit (ends.cc).
template <class Kind>
class Ends {
 public:
  // False: too many wait, and the caller has to tell by itself.
  bool end(Core& core, const OpenHandle& handle);

 private:
  struct Ended {
    HandleId id;
    SessionId session;
  };
  static Task<void> tell(Core* core, Ends* self);
  std::vector<Ended> take();

  std::mutex mutex_;
  std::vector<Ended> waiting_;
  bool telling_ = false;
};

struct EndOfRead;   // beyond its limit the oldest are left to the session
struct EndOfWrite;  // of opens through which nothing is left to be committed. The first waits a moment for others
using ReadEnds = Ends<EndOfRead>;
using WriteEnds = Ends<EndOfWrite>;

}  // namespace forebay::client
