#include "fuse/device_io.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "fuse/volume.h"

namespace forebay::fuse {

namespace {

constexpr uint32_t kNeverToldByLibfuse = FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV;
constexpr uint32_t kAllowMmapFlag2 = 1u << 4;  // FUSE_DIRECT_IO_ALLOW_MMAP (Linux 6.6), newer than Debian 12's headers
constexpr size_t kInitBytesUsed = sizeof(fuse_in_header) + offsetof(fuse_init_in, unused);

ssize_t read_message(int device, void* into, size_t size, void* userdata) {
  const ssize_t got = ::read(device, into, size);
  if (got < static_cast<ssize_t>(kInitBytesUsed)) return got;
  fuse_in_header header;
  std::memcpy(&header, into, sizeof header);
  if (header.opcode != FUSE_INIT) [[likely]]
    return got;
  fuse_init_in init{};
  std::memcpy(&init, static_cast<char*>(into) + sizeof header, kInitBytesUsed - sizeof header);
  InitExchange& exchange = static_cast<Volume*>(userdata)->init_exchange();
  exchange.offered = init.flags;
  exchange.offered2 = init.flags & FUSE_INIT_EXT ? init.flags2 : 0;
  exchange.unique = header.unique;
  return got;
}

// The same reply, with the capabilities added.
ssize_t write_init_reply(int device, const iovec* parts, const InitExchange& exchange) {
  fuse_init_out reply{};
  const size_t size = std::min(sizeof reply, parts[1].iov_len);
  std::memcpy(&reply, parts[1].iov_base, size);
  reply.flags |= exchange.offered & kNeverToldByLibfuse;
  reply.flags2 |= exchange.offered2 & kAllowMmapFlag2;
  const std::array<iovec, 2> changed{parts[0], iovec{&reply, size}};
  return ::writev(device, changed.data(), changed.size());
}

ssize_t write_message(int device, iovec* parts, int count, void* userdata) {
  InitExchange& exchange = static_cast<Volume*>(userdata)->init_exchange();
  const uint64_t init = exchange.unique.load(std::memory_order_acquire);
  if (init == 0) [[likely]]
    return ::writev(device, parts, count);
  fuse_out_header header;
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  if (header.unique != init || header.error != 0 || count != 2) return ::writev(device, parts, count);
  exchange.unique = 0;
  return write_init_reply(device, parts, exchange);
}

}  // namespace

bool install_device_io(fuse_session* session) {
  static const fuse_custom_io io{.writev = write_message, .read = read_message};
  const int result = fuse_session_custom_io(session, &io, fuse_session_fd(session));
  if (result != 0) errno = -result;
  return result == 0;
}

}  // namespace forebay::fuse
