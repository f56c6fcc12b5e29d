#include "os/real_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace forebay::os {
namespace {

constexpr size_t kMaxWaitingDescriptors = 16;
constexpr size_t kMaxParts = 64;  // in one system call; more go with the next

Error closed_here() { return unknown_outcome("the connection was closed on this side", ECANCELED); }

// Walks over a list of parts as they are sent.
class Cursor {
 public:
  explicit Cursor(std::span<const Bytes> parts) : parts_(parts) { skip_empty(); }
  bool at_end() const { return index_ == parts_.size(); }
  size_t gather(std::array<iovec, kMaxParts>& into) const {
    size_t count = 0;
    for (size_t i = index_; i < parts_.size() && count < kMaxParts; ++i) {
      Bytes part = i == index_ ? parts_[i].subspan(offset_) : parts_[i];
      if (!part.empty()) into[count++] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    return count;
  }
  void advance(size_t bytes) {
    while (bytes > 0) {
      size_t here = std::min(bytes, parts_[index_].size() - offset_);
      offset_ += here;
      bytes -= here;
      skip_empty();
    }
  }

 private:
  void skip_empty() {
    while (index_ < parts_.size() && offset_ == parts_[index_].size()) {
      ++index_;
      offset_ = 0;
    }
  }
  std::span<const Bytes> parts_;
  size_t index_ = 0, offset_ = 0;
};

// One system call. 0: it would block.
Result<size_t> send_once(Socket& socket, const Cursor& cursor, int descriptor) {
  std::array<iovec, kMaxParts> parts;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = cursor.gather(parts);
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  for (;;) {
    ssize_t sent = sendmsg(socket.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return unknown_outcome("connection lost while sending", errno);
  }
}

Task<Result<void>> write_all(std::shared_ptr<Socket> socket, std::span<const Bytes> parts, int descriptor) {
  Cursor cursor(parts);
  while (!cursor.at_end()) {
    if (socket->closed) co_return closed_here();
    Result<size_t> sent = send_once(*socket, cursor, descriptor);
    if (!sent) co_return std::unexpected(std::move(sent).error());
    if (*sent > 0) {
      descriptor = -1;  // it went with the first byte
      cursor.advance(*sent);
      continue;
    }
    Task<bool> waiting = socket->descriptor.writable();
    bool ready = co_await std::move(waiting);
    if (!ready) co_return closed_here();
  }
  co_return Result<void>();
}

// Takes descriptors out of the control part. Whatever happens, none is leaked.
Result<void> collect_descriptors(Socket& socket, msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      socket.descriptors.push_back(descriptor);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 || socket.descriptors.size() > kMaxWaitingDescriptors) {
    socket.close();
    return invalid("the peer sent more descriptors than are taken");
  }
  return {};
}

// One system call. Nothing: it would block.
Result<std::optional<size_t>> receive_once(Socket& socket, MutableBytes into) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (kMaxWaitingDescriptors + 1))> control;
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  for (;;) {
    if (socket.is_unix) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
    }
    ssize_t got = socket.is_unix ? recvmsg(socket.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
                                 : recv(socket.fd, into.data(), into.size(), MSG_DONTWAIT);
    if (got >= 0) {
      if (socket.is_unix) TRY(collect_descriptors(socket, message));
      return static_cast<size_t>(got);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<size_t>();
    if (errno != EINTR) return unknown_outcome("connection lost while receiving", errno);
  }
}

Task<Result<size_t>> read_once(std::shared_ptr<Socket> socket, MutableBytes into) {
  for (;;) {
    if (socket->closed) co_return closed_here();
    if (!socket->drained) {
      Result<std::optional<size_t>> got = receive_once(*socket, into);
      if (!got) co_return std::unexpected(std::move(got).error());
      socket->drained = !*got || **got < into.size();
      if (*got) co_return **got;
    }
    Task<bool> waiting = socket->descriptor.readable();
    bool ready = co_await std::move(waiting);
    if (!ready) co_return closed_here();
    socket->drained = false;
  }
}

}  // namespace

void Socket::close() {
  if (std::exchange(closed, true)) return;
  descriptor.release();
  ::close(fd);
  for (int waiting : descriptors) ::close(waiting);
  descriptors.clear();
}

RealConnection::RealConnection(std::shared_ptr<Socket> socket, std::string peer, bool peer_is_local)
    : socket_(std::move(socket)), peer_(std::move(peer)), peer_is_local_(peer_is_local) {}

RealConnection::~RealConnection() { socket_->close(); }

Task<Result<size_t>> RealConnection::read_some(MutableBytes into) { return read_once(socket_, into); }

Task<Result<void>> RealConnection::write(std::span<const Bytes> parts) { return write_all(socket_, parts, -1); }

Result<size_t> RealConnection::write_now(std::span<const Bytes> parts) {
  if (socket_->closed) return closed_here();
  Cursor cursor(parts);
  size_t total = 0;
  while (!cursor.at_end()) {
    ASSIGN_OR_RETURN(size_t sent, send_once(*socket_, cursor, -1));
    if (sent == 0) break;
    cursor.advance(sent);
    total += sent;
  }
  return total;
}

namespace {
Task<Result<void>> not_supported() { co_return rejected(EOPNOTSUPP, "a descriptor can only be passed over a Unix socket"); }
}  // namespace

Task<Result<void>> RealConnection::write_with_descriptor(std::span<const Bytes> parts, int descriptor) {
  return socket_->is_unix ? write_all(socket_, parts, descriptor) : not_supported();
}

std::vector<int> RealConnection::take_descriptors() {
  std::vector<int> taken(socket_->descriptors.begin(), socket_->descriptors.end());
  socket_->descriptors.clear();
  return taken;
}

}  // namespace forebay::os
