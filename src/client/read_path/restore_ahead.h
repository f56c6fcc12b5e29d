// Blocks of the under store that a reader will want next.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "async/task.h"

namespace forebay::client {

struct Core;
class FileState;
struct OpenHandle;

// For one handle that had to wait for a block: from then on the master hears, beside the reads, when it has come to the place
// that the master named, and has the blocks behind it fetched. Without that the under store would stand still while the reader
// goes through what has come. A call that fails ends it until the reader has to wait again. Owned by an OpenHandle. Any thread.
class RestoreAhead {
 public:
  // A block is back that a read of the handle waited for. `tell_at`: the master's, 0 for never.
  void waited(uint64_t tell_at) { tell_at_ = tell_at == 0 ? kNever : tell_at; }
  // A read of the handle has ended at `end`.
  void note_read(Core& core, const std::shared_ptr<FileState>& state, const std::shared_ptr<OpenHandle>& handle, uint64_t end);

 private:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  static Task<void> tell(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle, uint64_t offset);

  std::atomic<uint64_t> tell_at_ = kNever;  // kNever as well while a call is on its way
};

}  // namespace forebay::client
