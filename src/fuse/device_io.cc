#include "fuse/device_io.h"

#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "fuse/volume.h"

namespace forebay::fuse {

namespace {

// FUSE_HANDLE_KILLPRIV_V2: the kernel may remember that an inode has no capability, instead of asking before each write.
constexpr uint32_t kNeverToldByLibfuse = FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV | FUSE_HANDLE_KILLPRIV_V2;
constexpr uint32_t kAllowMmapFlag2 = 1u << 4;  // FUSE_DIRECT_IO_ALLOW_MMAP (Linux 6.6), newer than Debian 12's headers
// Passthrough (Linux 6.9), newer than Debian 12's headers.
constexpr uint32_t kPassthroughFlag2 = 1u << 5;
constexpr uint32_t kOpenNoFlush = 1u << 5;  // Linux 5.17
constexpr uint32_t kOpenPassthrough = 1u << 7;
constexpr uint32_t kMaxStackDepth = 1;  // of the file systems that the files are on: none that is stacked upon another
struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap), kBackingClose = _IOW(229, 2, uint32_t);

thread_local int32_t backing_of_reply = 0;

constexpr size_t kInitBytesUsed = sizeof(fuse_in_header) + offsetof(fuse_init_in, unused);

void decide_passthrough(Volume& volume, InitExchange& exchange) {
  std::string why_not;
  if (!volume.config().passthrough || !volume.config().page_cache)
    why_not = "the mount was told to";
  else if (!(exchange.offered2 & kPassthroughFlag2))
    why_not = "the kernel has no passthrough (Linux 6.9 or later, with CONFIG_FUSE_PASSTHROUGH)";
  exchange.passes_through = why_not.empty();
  volume.io_modes().begin(exchange.passes_through ? exchange.backings : nullptr, why_not);
}

ssize_t read_message(int device, void* into, size_t size, void* userdata) {
  const ssize_t got = ::read(device, into, size);
  if (got > 0) prepare_message(into, static_cast<size_t>(got), *static_cast<Volume*>(userdata));
  return got;
}

// The same reply, with the capabilities added.
ssize_t write_init_reply(int device, const iovec* parts, const InitExchange& exchange) {
  fuse_init_out reply{};
  const size_t size = std::min(sizeof reply, parts[1].iov_len);
  std::memcpy(&reply, parts[1].iov_base, size);
  reply.flags |= exchange.offered & kNeverToldByLibfuse;
  reply.flags2 |= exchange.offered2 & kAllowMmapFlag2;
  if (exchange.passes_through) {
    reply.flags |= FUSE_INIT_EXT;
    reply.flags2 |= kPassthroughFlag2;
    reply.unused[0] = kMaxStackDepth;
  }
  const std::array<iovec, 2> changed{parts[0], iovec{&reply, size}};
  return ::writev(device, changed.data(), changed.size());
}

// The end of the reply to OPEN and to CREATE.
void name_backing(iovec* parts, int count) {
  fuse_out_header header;
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  iovec& last = parts[count - 1];
  if (header.error != 0 || count < 2 || last.iov_len < sizeof(fuse_open_out)) return;
  char* end = static_cast<char*>(last.iov_base) + last.iov_len - sizeof(fuse_open_out);
  fuse_open_out reply;
  std::memcpy(&reply, end, sizeof reply);
  reply.open_flags = (reply.open_flags & (FOPEN_DIRECT_IO | kOpenNoFlush)) | kOpenPassthrough;
  reply.padding = static_cast<uint32_t>(backing_of_reply);
  std::memcpy(end, &reply, sizeof reply);
}

ssize_t write_message(int device, iovec* parts, int count, void* userdata) {
  if (backing_of_reply != 0) name_backing(parts, count);
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

void prepare_message(void* message, size_t size, Volume& volume) {
  if (size < sizeof(fuse_in_header)) return;
  fuse_in_header header;
  std::memcpy(&header, message, sizeof header);
  if (header.opcode == FUSE_TMPFILE) {  // Linux 6.1: the same message as CREATE, with a name that no entry can have
    header.opcode = FUSE_CREATE;
    std::memcpy(message, &header, sizeof header);
  }
  if (header.opcode != FUSE_INIT || size < kInitBytesUsed) [[likely]]
    return;
  fuse_init_in init{};
  std::memcpy(&init, static_cast<char*>(message) + sizeof header, kInitBytesUsed - sizeof header);
  InitExchange& exchange = volume.init_exchange();
  exchange.offered = init.flags;
  exchange.offered2 = init.flags & FUSE_INIT_EXT ? init.flags2 : 0;
  decide_passthrough(volume, exchange);
  exchange.unique = header.unique;
}

RequestShape shape_of(const void* message, size_t size) {
  fuse_in_header header{};
  if (size < sizeof header) return {.detached = true};
  std::memcpy(&header, message, sizeof header);
  RequestShape shape{.thread = static_cast<pid_t>(header.pid), .moves = size};
  switch (header.opcode) {
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_INTERRUPT: shape.detached = true; break;
    case FUSE_READ:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS: {
      fuse_read_in read{};
      if (size < sizeof header + sizeof read) break;
      std::memcpy(&read, static_cast<const char*>(message) + sizeof header, sizeof read);
      shape.moves = read.size;
      break;
    }
    default: break;
  }
  return shape;
}

BackingOfReply::BackingOfReply(int32_t backing_id) { backing_of_reply = backing_id; }

BackingOfReply::~BackingOfReply() { backing_of_reply = 0; }

Result<int32_t> SessionBackings::open(int descriptor) {
  BackingMap map{.fd = descriptor, .flags = 0, .padding = 0};
  const int id = ::ioctl(fuse_session_fd(session_), kBackingOpen, &map);
  if (id > 0) return id;
  if (errno == EPERM) return rejected(EPERM, "passthrough needs CAP_SYS_ADMIN");
  if (errno == ELOOP) return rejected(ELOOP, "the worker's directory is on a file system that is stacked upon another");
  return from_errno(errno, "have the kernel use a file");
}

void SessionBackings::close(int32_t id) {
  const auto number = static_cast<uint32_t>(id);
  ::ioctl(fuse_session_fd(session_), kBackingClose, &number);
}

bool install_device_io(fuse_session* session) {
  static const fuse_custom_io io{.writev = write_message, .read = read_message};
  const int result = fuse_session_custom_io(session, &io, fuse_session_fd(session));
  if (result != 0) errno = -result;
  return result == 0;
}

}  // namespace forebay::fuse
