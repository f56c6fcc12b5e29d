// Bytes fetched before they are asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "async/sync.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "rpc/payload.h"

namespace forebay::client {

struct Core;
class FileState;
struct OpenHandle;

// For one handle that reads on and on: 1 MiB chunks behind its last read are fetched from workers on other hosts. How far ahead
// adapts: twice what has been read in a row, up to read_ahead_bytes; doubled, up to read_ahead_most_bytes, each time the reader
// had to wait. At most read_window requests for one object are on their way, so a reader who waits for one worker reaches objects
// on others, which are then read at once; one that does not wait holds no more memory than before. Chunks are dropped when they
// have been read past, when the content changes in this client's eyes, and with the handle. Owned by an OpenHandle. Any thread.
// Limits: the config's, for one handle and for all; beyond the latter a reader goes without.
class ReadAhead {
 public:
  // Copies what has been fetched, from the beginning of `into` on; waits for what is on its way. The number of bytes: 0 when
  // there is nothing, or nothing that is still true.
  Task<size_t> take(Core* core, MutableBytes into, uint64_t offset, uint64_t changes);
  // A read of [offset, offset + length) has ended: fetches on if it continued the one before.
  void note_read(Core& core, const std::shared_ptr<FileState>& state, const std::shared_ptr<OpenHandle>& handle, uint64_t offset,
                 size_t length);
  void clear();

 private:
  struct Chunk {
    Chunk(Core& client, uint64_t at, size_t bytes, ObjectId first, uint64_t content_changes);
    ~Chunk();
    Core& core;
    const uint64_t offset, changes;  // changes: Content::changes() when it was asked for
    const ObjectId object;           // of its first byte
    rpc::Payload bytes;
    size_t length = 0;  // set before `done`; less at the end of the file, 0 after a failure
    async::Event done;
  };
  static Task<void> fetch(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle,
                          std::shared_ptr<Chunk> chunk);
  std::shared_ptr<Chunk> find(uint64_t offset, uint64_t changes);
  bool continues(const Core& core, uint64_t offset, size_t length);
  uint64_t window(const Core& core) const;
  std::vector<std::shared_ptr<Chunk>> ask_locked(Core& core, const FileState& state, uint64_t changes);

  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Chunk>> chunks_;  // by offset; shared with their fetches
  uint64_t expected_ = 0;                              // where the next sequential read begins
  uint64_t run_ = 0;                                   // bytes read one after the other
  uint64_t base_ = 0;                                  // chunks begin here and at every 1 MiB behind it
  uint64_t widened_ = 0;                               // the window of a reader who had to wait; 0: has not yet
  bool waited_ = false;                                // in the present read
};

}  // namespace forebay::client
