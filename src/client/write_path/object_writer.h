// One object that is being written.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "async/sync.h"
#include "base/bytes.h"
#include "client/changes.h"
#include "client/write_path/carrier.h"
#include "client/write_path/frame_queue.h"

namespace forebay::client {

// Appends to one granted object, by descriptor or as a stream of frames. Shared by its FileWriter and its frames on their way.
//
// No byte is accepted before its space is reserved on the workers' media. The bytes of a short object wait here, their space
// drawn from this client's hold at the worker, until somebody asks for them to be stored (drain) or there are more of them: so a
// small file is sent whole, and its worker reserves what it takes, no more. Half of the buffer budget may wait like that. An
// object that gets longer, or finds no hold, reserves what it was granted. A frame is kept until its worker has acknowledged it;
// `stream_window` of them are on their way at once, full ones first, a partly filled one as soon as none is (so small writes are
// collected while there is something to wait for, and nothing lies still). Four windows of frames may wait, with multipart upload
// as many as the budget has room for. All memory of frames is part of the buffer budget, to the byte, as long as it exists. The
// first failure ends the object: nothing more is sent, `failed` is called once, and what
// was not acknowledged stays here, readable, until it has been written elsewhere. Calls marked (writing) are ordered by the
// file's writing lock; the others come from any thread.
class ObjectWriter : public std::enable_shared_from_this<ObjectWriter> {
 public:
  ObjectWriter(Core& core, size_t executor, Placed placed, HandleId handle, uint64_t granted_bytes, std::function<void()> failed);
  ~ObjectWriter();

  ObjectId object() const { return placed_.object; }
  const std::vector<WorkerId>& workers() const { return placed_.workers; }
  HandleId handle() const { return handle_; }

  // (writing) How many of `wanted` bytes may be appended now, their space being granted; 0: the object is full. Waits while many
  // frames do.
  Task<Result<uint64_t>> prepare(uint64_t wanted);
  // (writing) Before anything is appended: the space of all that was granted, at the worker.
  Task<Result<void>> reserve_whole();
  // (writing) At most what was prepared. Where in the object it is. Frames take their memory from `memory`, which has enough for
  // `data`; what it has beyond that makes them larger, for later bytes.
  Task<Result<uint64_t>> append(Bytes data, BudgetShare* memory);
  bool direct() const;
  // (writing) Nothing is appended or overwritten any more.
  void close_descriptor();
  // (writing) Replaces bytes that nobody else can have seen. False: they are on their way already, or gone from here.
  Task<Result<bool>> overwrite(Bytes data, uint64_t offset);

  // Every byte is on its workers; or the first failure, when nothing is on its way any more.
  Task<Result<void>> drain();
  bool has_failed() const;
  // A restart of the worker's machine has taken acknowledged bytes that were not synced, and this is how it was heard of.
  std::optional<Status> lost() const;
  uint64_t granted() const { return limit_; }  // in bytes
  uint64_t remaining() const;                  // until the object is full
  // What was not acknowledged, in order. (writing)
  std::optional<Unacknowledged> first_unacknowledged() const;
  void forget_first(size_t bytes);
  // (writing) As append(), of bytes that another object could not store; shares their memory.
  Task<Result<uint64_t>> take_over(Unacknowledged piece);
  // Copies what is still buffered of [offset, offset + into.size()) and returns the gaps, as parts of `into`.
  std::vector<MutableBytes> copy_buffered(uint64_t offset, MutableBytes into) const;

  // End of the acknowledged bytes; 0: nothing was stored, the object need not exist.
  uint64_t acknowledged() const;
  // Stored so that power loss leaves it.
  Task<Result<void>> sync();
  // Makes what is acknowledged immutable and returns its checksum. Nothing is written here afterwards. Repeats return the same.
  Task<Result<uint32_t>> seal(bool sync);
  std::optional<uint32_t> sealed() const;

 private:
  Task<Result<bool>> hold(uint64_t length);
  Task<Result<void>> reserve(uint64_t length);
  Task<Result<void>> create(uint64_t bytes);
  Task<Result<void>> enlarge(uint64_t bytes);
  Task<Result<bool>> open_descriptor(uint64_t create_bytes);
  bool wants_descriptor(uint64_t length) const;
  void wait_locked(size_t bytes);
  void begin_locked();
  uint64_t settle_hold_locked();
  void start_sending();
  static Task<void> send(std::shared_ptr<ObjectWriter> self, std::shared_ptr<Frame> frame);
  void sent(const std::shared_ptr<Frame>& frame, Result<uint64_t> result);
  Result<void> note_boot_locked(uint64_t boot);
  bool is_synced_locked() const;
  Task<Result<void>> write_direct(Bytes data, uint64_t offset);

  Core& core_;
  const size_t executor_;
  const Placed placed_;
  const HandleId handle_;
  const std::function<void()> on_failure_;

  // (writing)
  std::shared_ptr<Carrier> carrier_;  // shared with frames on their way, which outlive a change from stream to descriptor
  bool descriptor_refused_ = false;
  const uint64_t limit_;  // granted
  const size_t most_frames_;

  mutable std::mutex mutex_;
  Changes changes_;
  FrameQueue frames_;
  bool holding_ = true;    // nothing has been sent, nor shall be yet
  size_t held_bytes_ = 0;  // taken from the held budget
  uint64_t drawn_ = 0;     // from the hold at the worker, and not told as used yet
  uint64_t reserved_ = 0;  // at the worker; while nothing is sent, by the hold
  uint64_t position_ = 0, acknowledged_ = 0;
  uint64_t writes_ = 0, synced_writes_ = 0;  // acknowledged so far; of those, synced
  uint64_t synced_bytes_ = 0;                // so many, from the start, the worker knows to be synced
  uint64_t boot_ = 0;                        // of the worker's machine, as the first acknowledgement said
  std::optional<Status> lost_;
  std::optional<Status> failure_;
  std::optional<uint32_t> crc_;
  async::Mutex sealing_;
};

}  // namespace forebay::client
