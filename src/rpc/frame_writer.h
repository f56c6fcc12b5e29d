// Puts frames on a connection.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "os/clock.h"
#include "os/net.h"
#include "rpc/frame.h"

namespace forebay::os {
class File;
}

namespace forebay::rpc {

struct OutgoingFrame {
  Header header;
  std::string_view context, message;  // copied
  Bytes payload;                      // referenced until it is written
  Payload owned;                      // what `payload` refers to, or nothing
  int descriptor = -1;
  std::shared_ptr<os::File> descriptor_owner;  // kept until the frame is written
};

// Frames waiting to be written, in order, gathered into as few system calls as possible. Lives and works on the connection's
// executor; connection, clock and events outlive it. Unbounded by itself: its user looks at unwritten_bytes() and stops adding.
class FrameWriter {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void wrote(size_t bytes) = 0;              // progress; more may be added now
    virtual void write_failed(const Status& why) = 0;  // once; nothing is written any more
    virtual void writer_ended() = 0;  // after a wait of its own: bytes that are not its own are referenced no longer
  };
  FrameWriter(os::Connection& connection, os::Clock& clock, async::Executor executor, Events& events);

  // Returns the position in the stream at which the frame begins.
  uint64_t add(OutgoingFrame frame);
  // Writes what the stream takes at once. The rest goes in a coroutine, which holds `keep_alive`.
  void flush(std::shared_ptr<void> keep_alive);
  // Nothing is written after this. The connection is closed by the caller.
  void stop() { stopped_ = true; }

  size_t unwritten_bytes() const { return static_cast<size_t>(added_ - written_); }
  size_t unwritten_frames() const { return frames_; }
  // Positions: all before written() is with the peer's kernel or on its way; none from handed_over() on has left.
  uint64_t written() const { return written_; }
  uint64_t handed_over() const { return written_ + in_progress_; }
  bool waits() const { return waiting_; }                                      // its coroutine runs
  std::optional<os::Instant> waiting_since() const { return waiting_since_; }  // since when the peer has taken nothing

 private:
  struct Segment {
    std::string bytes;
    Bytes payload;
    Payload owned;
    int descriptor = -1;
    std::shared_ptr<os::File> descriptor_owner;
    size_t frames = 0;
    size_t size() const { return bytes.size() + payload.size(); }
  };
  Segment& segment_for(const OutgoingFrame& frame);
  size_t gather(std::vector<Bytes>& parts);
  void advance(size_t bytes);
  void recycle(Segment& segment);
  size_t write_now();
  static Task<void> write_rest(FrameWriter* self, std::shared_ptr<void> keep_alive);
  static Task<Result<void>> write_some(FrameWriter* self);

  os::Connection& connection_;
  os::Clock& clock_;
  async::Executor executor_;
  Events& events_;
  std::deque<Segment> segments_;
  size_t sealed_ = 0;         // segments at the front that a pending write refers to: nothing is appended to them
  size_t front_offset_ = 0;   // written bytes of the first segment
  std::vector<Bytes> parts_;  // of the write in progress
  std::string spare_;
  uint64_t added_ = 0, written_ = 0;
  size_t in_progress_ = 0, frames_ = 0;
  bool waiting_ = false, stopped_ = false;
  std::optional<os::Instant> waiting_since_;
};

}  // namespace forebay::rpc
