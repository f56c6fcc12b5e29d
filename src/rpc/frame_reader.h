// Takes frames off a connection.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "async/task.h"
#include "os/clock.h"
#include "os/net.h"
#include "rpc/frame.h"

namespace forebay::rpc {

// Heads (header, context, message) go through a buffer, many with one system call; payloads go straight into a Payload. Lives and
// works on the connection's executor; the connection outlives it. After an error the connection is only good for closing. The
// buffer is 4 KiB on a quiet connection, up to 64 KiB on a busy one, and as long as one head for as long as a larger one is in
// it.
//
//   for (;;) { while (*have_head()) { … header(), context(), message() … if payload: read_payload() … next(); } fill(); }
class FrameReader {
 public:
  FrameReader(os::Connection& connection, os::Clock& clock, FrameLimits limits);

  // Whether a whole head is there and checked.
  Result<bool> have_head();
  const Header& header() const { return *header_; }
  std::string_view context() const;  // these two until read_payload() or next()
  std::string_view message() const;
  Task<Result<Payload>> read_payload();  // of the current frame, checked; once
  void next();                           // done with this frame

  // Waits for more bytes. False: the stream ended between two frames.
  Task<Result<bool>> fill();

  // What has come already of the frames behind the current one.
  size_t bytes_ahead() const { return buffered() - consumed_; }

  // Since when the rest of a frame that began is overdue; nothing while none is awaited.
  std::optional<os::Instant> waiting_since() const { return waiting_since_; }

 private:
  size_t buffered() const { return end_ - begin_; }
  void make_room();
  void resize(size_t capacity);
  void adapt(size_t got, size_t room);

  os::Connection& connection_;
  os::Clock& clock_;
  const FrameLimits limits_;
  std::unique_ptr<std::byte[]> buffer_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  size_t wanted_capacity_;
  int small_reads_ = 0;  // in a row, since the buffer was made larger
  std::optional<Header> header_;
  bool body_checked_ = false;
  size_t consumed_ = 0;  // of the buffer, by the current frame
  std::optional<os::Instant> waiting_since_;
};

}  // namespace forebay::rpc
