// Bytes of one object on their way to its worker.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "client/byte_budget.h"
#include "rpc/payload.h"

namespace forebay::client {

// Memory of bytes on their way to a worker, and its share of the client's buffer budget. Shared by frames: of an object that
// failed, and of those that take over its bytes.
struct FrameBuffer {
  BudgetShare charge;  // outlives the memory
  rpc::Payload bytes;  // its size is the capacity
};

// A piece of what a worker has not acknowledged.
struct Unacknowledged {
  uint64_t offset;
  Bytes data;
  std::shared_ptr<FrameBuffer> buffer;  // of `data`
  Unacknowledged first(size_t bytes) const { return {offset, data.first(bytes), buffer}; }
};

struct Frame {
  uint64_t offset = 0;  // in the object
  std::shared_ptr<FrameBuffer> buffer;
  size_t begin = 0, used = 0;  // of the buffer
  bool on_its_way = false;
  bool taken_over = false;  // what is behind it in the buffer is somebody else's

  Bytes view() const { return buffer->bytes.view().subspan(begin, used); }
  size_t capacity() const { return taken_over ? used : buffer->bytes.size(); }
  bool is_full() const { return taken_over || used == rpc::kMaxPayload; }
  uint64_t end() const { return offset + used; }
};

// What one object's worker has not acknowledged, in frames, by offset. The last frame collects bytes until it is full or on its
// way; small ones grow with what comes. A frame stays, readable, until it is acknowledged or forgotten. Owned by an ObjectWriter,
// whose mutex orders the calls; frames are shared with the tasks that send them. Limits are the writer's: it asks size() first.
class FrameQueue {
 public:
  size_t size() const { return frames_.size(); }
  bool empty() const { return frames_.empty(); }
  size_t on_their_way() const { return on_their_way_; }

  // Copies `data` to `offset`, which is where the last frame ends; nothing of the object is beyond `limit`. Memory comes from
  // `memory`, which never has less than what is still to be copied. How much of it the frames take now.
  size_t append(Bytes data, uint64_t offset, uint64_t limit, BudgetShare* memory);
  // The same of bytes of another object's, whose memory is shared.
  void take_over(Unacknowledged piece, uint64_t offset);
  // False: not all of the range is in the last frame, or that is on its way: it could arrive twice, and late.
  bool overwrite(Bytes data, uint64_t offset);

  // Those to be sent now, marked as on their way, so that no more than `window` are: full ones first come, and a partly filled
  // one only if nothing is on its way.
  std::vector<std::shared_ptr<Frame>> begin_sending(size_t window);
  void ended(Frame& frame);  // its attempt
  // Its memory, to be released outside of locks.
  [[nodiscard]] std::shared_ptr<FrameBuffer> acknowledged(const std::shared_ptr<Frame>& frame);

  std::optional<Unacknowledged> first() const;
  // So many bytes, at most the first frame's. The frame, if none of it is left, to be dropped outside of locks: it may be on its
  // way, and has its memory as long.
  [[nodiscard]] std::shared_ptr<Frame> forget_first(size_t bytes);
  // Copies what is here of [offset, offset + into.size()) and returns the gaps, as parts of `into`.
  std::vector<MutableBytes> copy(uint64_t offset, MutableBytes into) const;

 private:
  bool enlarge(Frame& frame, size_t more, uint64_t limit, BudgetShare* memory);

  std::deque<std::shared_ptr<Frame>> frames_;
  size_t on_their_way_ = 0;
};

}  // namespace forebay::client
