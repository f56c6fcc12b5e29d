// Reading from and writing to the kernel's FUSE device, under libfuse.
#pragma once

#include <fuse3/fuse_lowlevel.h>

#include <atomic>
#include <cstdint>

namespace forebay::fuse {

// What is remembered between INIT, a session's first message, and its reply.
struct InitExchange {
  std::atomic<uint64_t> unique{0};     // of the INIT that awaits its reply; 0: none
  uint32_t offered = 0, offered2 = 0;  // capabilities of the kernel
};

// Puts itself between libfuse and the device of a mounted session whose userdata is a Volume. libfuse 3.14.0 knows capabilities
// that it never tells the kernel (FUSE_PARALLEL_DIROPS, FUSE_HANDLE_KILLPRIV): the reply to INIT gets those that the kernel
// offers. Before the session's first message; false with errno set on failure. Splicing is off from then on.
bool install_device_io(fuse_session* session);

}  // namespace forebay::fuse
