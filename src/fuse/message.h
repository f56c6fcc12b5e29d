// The message that a receiving thread is working on.
#pragma once

#include <fuse3/fuse_lowlevel.h>

#include "fuse/volume.h"

namespace forebay::fuse {

// Sets where this thread's messages are read into, for take_message().
void set_message_of_this_thread(fuse_buf* message);

// Takes the memory of the message being worked on, so that its payload can be used after the call that delivered it: the bytes
// of a write are not copied. The next message is read into other memory.
BufferPool::Buffer take_message(Volume& volume);

}  // namespace forebay::fuse
