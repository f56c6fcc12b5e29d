// The message that a receiving thread is working on.
#pragma once

#include <fuse3/fuse_lowlevel.h>

#include "fuse/volume.h"

namespace forebay::fuse {

// While this lives, `message` is the one that its thread is working on.
class MessageOfThisThread {
 public:
  explicit MessageOfThisThread(fuse_buf* message);
  ~MessageOfThisThread();
  MessageOfThisThread(const MessageOfThisThread&) = delete;
  MessageOfThisThread& operator=(const MessageOfThisThread&) = delete;
};

// Takes the memory of the message being worked on, so that its payload can be used after the call that delivered it: the bytes
// of a write are not copied. The next message is read into other memory.
BufferPool::Buffer take_message(Volume& volume);

}  // namespace forebay::fuse
