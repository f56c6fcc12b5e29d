// Bytes fetched before they are asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "async/sync.h"
#include "base/bytes.h"
#include "rpc/payload.h"

namespace forebay::client {

struct Core;
class FileState;
struct OpenHandle;

// For one handle that reads on and on: a growing number of 1 MiB chunks behind its last read, up to read_ahead_bytes, is fetched
// from workers on other hosts. Chunks are dropped when they have been read past, when the content changes in this client's eyes,
// and with the handle. Owned by an OpenHandle. Any thread. Limits: the config's, for one handle and for all; beyond the latter a
// reader goes without.
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
    Chunk(Core& client, uint64_t at, size_t bytes, uint64_t content_changes);
    ~Chunk();
    Core& core;
    const uint64_t offset, changes;  // changes: Content::changes() when it was asked for
    rpc::Payload bytes;
    size_t length = 0;  // set before `done`; less at the end of the file, 0 after a failure
    async::Event done;
  };
  static Task<void> fetch(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle,
                          std::shared_ptr<Chunk> chunk);
  std::shared_ptr<Chunk> find(uint64_t offset, uint64_t changes);
  bool continues(uint64_t offset, size_t length);

  std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Chunk>> chunks_;  // by offset; shared with their fetches
  uint64_t expected_ = 0;                              // where the next sequential read begins
  uint64_t run_ = 0;                                   // bytes read one after the other
  uint64_t fetched_until_ = 0;
};

}  // namespace forebay::client
