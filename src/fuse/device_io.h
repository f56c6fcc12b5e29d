// Reading from and writing to the kernel's FUSE device, under libfuse.
#pragma once

#include <fuse3/fuse_lowlevel.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "fuse/io_modes.h"

namespace forebay::fuse {

class Volume;

// What is remembered between INIT, a session's first message, and its reply.
struct InitExchange {
  std::atomic<uint64_t> unique{0};     // of the INIT that awaits its reply; 0: none
  uint32_t offered = 0, offered2 = 0;  // capabilities of the kernel
  bool passes_through = false;
  BackingDevice* backings = nullptr;  // of the session; set before its first message
};

// While this lives, on its thread, the reply to an open that libfuse writes says that the kernel is to use this file, which
// libfuse 3.14 cannot say. 0: it says what libfuse says.
class BackingOfReply {
 public:
  explicit BackingOfReply(int32_t backing_id);
  ~BackingOfReply();
  BackingOfReply(const BackingOfReply&) = delete;
  BackingOfReply& operator=(const BackingOfReply&) = delete;
};

// The kernel's table of files, of a mounted session.
class SessionBackings final : public BackingDevice {
 public:
  explicit SessionBackings(fuse_session* session) : session_(session) {}
  Result<int32_t> open(int descriptor) override;
  void close(int32_t id) override;

 private:
  fuse_session* const session_;
};

// Looks at a message of the kernel before libfuse does, and changes what libfuse does not know.
void prepare_message(void* message, size_t size, Volume& volume);

// What a request is, before it is served: who waits for it (a thread; 0: not known), how many bytes it or its answer moves at
// most, and whether nobody waits at all.
struct RequestShape {
  pid_t thread = 0;
  size_t moves = 0;
  bool detached = false;
};
RequestShape shape_of(const void* message, size_t size);

// Puts itself between libfuse and the device of a mounted session whose userdata is a Volume. libfuse 3.14.0 knows capabilities
// that it never tells the kernel (FUSE_PARALLEL_DIROPS, FUSE_HANDLE_KILLPRIV), and does not know FUSE_PASSTHROUGH: the reply to
// INIT gets those that the kernel offers. It does not know O_TMPFILE either, which it is shown as a creation (file_ops.cc).
// Before the session's first message; false with errno set on failure. Splicing is off from then on.
bool install_device_io(fuse_session* session);

}  // namespace forebay::fuse
