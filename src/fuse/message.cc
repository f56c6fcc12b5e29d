#include "fuse/message.h"

#include "base/check.h"

namespace forebay::fuse {

namespace {
thread_local fuse_buf* current_message = nullptr;
}  // namespace

MessageOfThisThread::MessageOfThisThread(fuse_buf* message) { current_message = message; }

MessageOfThisThread::~MessageOfThisThread() { current_message = nullptr; }

BufferPool::Buffer take_message(Volume& volume) {
  FOREBAY_CHECK(current_message != nullptr && current_message->mem != nullptr, "a message is being worked on");
  return BufferPool::Buffer(&volume.message_buffers(), std::exchange(current_message->mem, nullptr));
}

}  // namespace forebay::fuse
