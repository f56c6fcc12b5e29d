// Files that are rewritten in the background.
#pragma once

#include <deque>
#include <mutex>
#include <optional>

#include "async/task.h"
#include "base/ids.h"

namespace forebay::client {

struct Core;

// A file to look at; `dead_space`: also at what its overwritten bytes keep.
struct CompactionRequest {
  InodeId inode;
  bool dead_space = false;
};

// Works the requests off, one file at a time, in the client's background. Owned by Core. Any thread. A request is a hint: lost
// with the client, dropped beyond kMaxWaiting; the next commit or close of a file that needs it asks again.
class Compactor {
 public:
  void ask(Core& core, CompactionRequest request);

 private:
  static constexpr size_t kMaxWaiting = 1024;
  static Task<void> work(Core* core);
  std::optional<CompactionRequest> take();

  std::mutex mutex_;
  std::deque<CompactionRequest> waiting_;
  bool working_ = false;
};

}  // namespace forebay::client
